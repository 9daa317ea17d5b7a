bind = "127.0.0.1:18201"
worker_class = "gevent"
