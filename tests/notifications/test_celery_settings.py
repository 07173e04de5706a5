"""The settings under which Celery is only an alarm clock, one by one, as the app has them in force.

Each line is decided (docs/reliability.md); another value is another behaviour in a crash. What differs from the usual advice, or
from our own first design, is named with its reason in `DECIDED` and `LEFT_OUT`.
"""

from typing import Any

import pytest
from django.conf import settings

from config.celery import app

DECIDED: dict[str, Any] = {
    "result_backend": None,
    "task_ignore_result": True,
    "task_acks_late": False,  # a wake-up that is lost costs one tick; one that is repeated after a crash can crash again
    "task_reject_on_worker_lost": False,
    "worker_prefetch_multiplier": 1,
    "worker_disable_prefetch": True,
    "task_soft_time_limit": 45,  # over a drain's 20 seconds, under the lease's 60
    "task_time_limit": 60,
    "worker_soft_shutdown_timeout": 25,
    "worker_max_tasks_per_child": 1000,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,  # for ever: Redis comes back, and the worker must be there
    "broker_pool_acquire_timeout": 5,
    "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.2},
    "timezone": "UTC",
    "task_serializer": "json",
    "accept_content": ["json"],
    "worker_hijack_root_logger": False,  # ours: one format of log lines, which holds no addresses
    "worker_redirect_stdouts": False,  # an end by an error is one traceback, not a line of log for each of its marks
}
TRANSPORT = {
    "socket_timeout": 5,  # the default is to wait for ever
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 15,
    "visibility_timeout": 300,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "global_keyprefix": "clinic:",
}
# In the first design and not here: a queue of its own for drains. A tick that waits behind an hourly job is replaced by the next
# one two seconds later, on another child; and one queue means that no worker can be started without the one that matters.
LEFT_OUT = ["task_routes"]
# Intervals, in seconds. The first design ticked every 5 s: a code that somebody waits for must not. What it called "plan-repair"
# is every tick's work here (facts whose mark is behind), and its alarm is part of "reconcile".
SCHEDULE = {
    "tick": 2.0, "sweep": 15.0, "reconcile": 60.0, "waiting_round": 10.0, "purge_drafts": 3600.0, "forget": 3600.0,
    "keep_schedule": 60.0,
}  # fmt: skip


@pytest.mark.parametrize("name", DECIDED)
def test_the_setting_is_as_decided(name: str) -> None:
    assert getattr(app.conf, name) == DECIDED[name]


def test_the_broker_is_redis_and_every_wait_for_it_ends() -> None:
    assert app.conf.broker_url == settings.REDIS_URL
    assert app.conf.broker_transport_options == TRANSPORT


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_was_left_out_is_not_set(name: str) -> None:
    assert not getattr(app.conf, name)


def test_the_schedule_holds_intervals_that_expire_before_the_next_and_carry_nothing() -> None:
    assert {name: entry["schedule"] for name, entry in app.conf.beat_schedule.items()} == SCHEDULE
    for entry in app.conf.beat_schedule.values():
        assert entry["options"] == {"expires": entry["schedule"]}
        assert not entry.get("args")
        assert not entry.get("kwargs")
