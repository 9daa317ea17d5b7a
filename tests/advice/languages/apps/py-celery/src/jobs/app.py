import importlib

from celery import Celery

app = Celery("jobs")
app.config_from_object("jobs.config")
app.autodiscover_tasks(["jobs"])
for line in open("settings.yaml"):
    if line.strip().startswith("- "):
        importlib.import_module(line.strip()[2:])
