. "$(dirname "$0")/../../smoke_lib.sh"
sm_start 18209; sm_get http://127.0.0.1:18209/health '"app":"ruby-sinatra","word":"Some Words","html":"&lt;"'
