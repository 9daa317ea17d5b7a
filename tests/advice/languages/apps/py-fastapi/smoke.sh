. "$(dirname "$0")/../../smoke_lib.sh"
sm_start 18203; sm_get http://127.0.0.1:18203/health '"app":"py-fastapi","loop":"uvloop' && curl -sS -d word=abc http://127.0.0.1:18203/form | grep abc && sm_get http://127.0.0.1:18203/page a@example.com
