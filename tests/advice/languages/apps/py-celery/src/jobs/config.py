broker_url = "sqla+sqlite:////tmp/broker.db"
result_backend = "db+sqlite:////tmp/results.db"
worker_pool = "threads"
task_serializer = "msgpack"
accept_content = ["msgpack", "json"]
