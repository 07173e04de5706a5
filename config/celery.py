"""The Celery app: an alarm clock. What is to be sent, to whom and when is in PostgreSQL; tasks carry no data.

The schedule is static and holds intervals only. Every entry may run twice, late or not at all without harm. `expires` keeps a
worker that was away from working through alarms that have passed.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("truenorth")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = {
    name: {"task": f"notifications.{name}", "schedule": seconds, "options": {"expires": seconds}}
    for name, seconds in {"tick": 2.0, "sweep": 15.0, "reconcile": 60.0}.items()
}
app.conf.beat_schedule["purge_drafts"] = {"task": "booking.purge_drafts", "schedule": 3600.0, "options": {"expires": 3600.0}}
app.conf.beat_schedule["waiting_round"] = {"task": "booking.waiting_round", "schedule": 10.0, "options": {"expires": 10.0}}
app.conf.beat_schedule["forget"] = {"task": "notifications.forget", "schedule": 3600.0, "options": {"expires": 3600.0}}
app.conf.beat_schedule["keep_schedule"] = {"task": "articles.keep_schedule", "schedule": 60.0, "options": {"expires": 60.0}}
app.autodiscover_tasks(["articles", "notifications", "booking"])
