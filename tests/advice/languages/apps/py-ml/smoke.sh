. "$(dirname "$0")/../../smoke_lib.sh"
sm_start 18204; sm_get 'http://127.0.0.1:18204/predict?v=5.1,3.5,1.4,0.2' '"app":"py-ml","kind":0,"near":0'
