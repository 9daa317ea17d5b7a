. "$(dirname "$0")/../../smoke_lib.sh"
sm_start 18208; sm_get http://127.0.0.1:18208/health '"app":"node-esm","n":42,"word":"esm","day":"19' && sm_get http://127.0.0.1:18208/a.txt hello
