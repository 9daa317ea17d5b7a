. "$(dirname "$0")/../../smoke_lib.sh"
sm_start 18202; sm_get http://127.0.0.1:18202/health '"app":"py-django","users":0,"hash":"argon2'
