. "$(dirname "$0")/../../smoke_lib.sh"
sm_start 18207; sm_get http://127.0.0.1:18207/health '"app":"node-addon","sum":42,"png":true,"hash":".2b'
