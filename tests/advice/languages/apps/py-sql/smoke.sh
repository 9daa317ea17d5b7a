. "$(dirname "$0")/../../smoke_lib.sh"
sm_start 18201; sm_get http://127.0.0.1:18201/health '"app":"py-sql","driver":"psycopg2","gevent":true,"hash":".2b.*"visits":[1-9]'
