. "$(dirname "$0")/../../smoke_lib.sh"
sm_start 18210; sm_get http://127.0.0.1:18210/health 'title.*Word'
