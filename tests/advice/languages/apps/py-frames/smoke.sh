. "$(dirname "$0")/../../smoke_lib.sh"
sm_start 18205; sm_get http://127.0.0.1:18205/frame '"app":"py-frames","sheet":true,"sum":6'
