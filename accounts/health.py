"""Answers for machines: is this process alive, and can it serve?

A check names its trouble or answers None. Trouble with the database or its migrations means "not ready" (503): send
no visitors here. Any other trouble means "degraded" (200): booking still works. Upper layers add their own checks by
name in settings.HEALTH_CHECKS. What the trouble is stays on this machine; the world sees one word.
"""

import ipaddress
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.wall import tzdata_version

Check = Callable[[], str | None]
_RECHECK_SECONDS = 10
_migrations: tuple[float, str | None] = (float("-inf"), "not looked at yet")


def database() -> str | None:
    """Whether PostgreSQL answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        connection.close()
        return f"the database does not answer ({type(error).__name__})"
    return None


def migrations() -> str | None:
    """Whether the tables are those that this code expects: looked up until they are, then remembered."""
    global _migrations
    at, trouble = _migrations
    if trouble and time.monotonic() - at > _RECHECK_SECONDS:
        try:
            executor = MigrationExecutor(connection)
            pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
            trouble = f"{len(pending)} migrations have not run" if pending else None
        except DatabaseError as error:
            trouble = f"the migrations could not be read ({type(error).__name__})"
        _migrations = (time.monotonic(), trouble)
    return trouble


def cache() -> str | None:
    """Whether Redis answers. Without it pages are built each time and codes take a little longer."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.25, socket_connect_timeout=0.25) as client:
            client.ping()
    except (redis.RedisError, OSError) as error:
        return f"Redis does not answer ({type(error).__name__})"
    return None


def disk() -> str | None:
    """Whether uploads still fit where they are written; a folder that is not there yet counts as its parent."""
    for name in ("MEDIA_ROOT", "PRIVATE_ROOT"):
        folder = Path(getattr(settings, name)).absolute()
        usage = shutil.disk_usage(next(f for f in (folder, *folder.parents) if f.exists()))
        if usage.free < usage.total * 0.05:
            return f"less than 5 % of the disk of {name} is free"
    return None


def from_this_machine(request: HttpRequest) -> bool:
    """Whether nobody but a program on this machine asked: a loopback address, and no proxy in between."""
    if request.headers.get("X-Forwarded-For") or request.headers.get("Forwarded"):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


@never_cache
@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    """This process answers. Touches nothing else."""
    return HttpResponse("ok", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Ready, degraded or (503) not ready; what is wrong only for this machine."""
    vital: dict[str, str | None] = {"database": database()}
    vital["migrations"] = None if vital["database"] else migrations()
    other: dict[str, str | None] = {"redis": cache(), "disk": disk()}
    if not any(vital.values()):
        for name, where in settings.HEALTH_CHECKS.items():
            other[name] = import_string(where)()
    status = "not ready" if any(vital.values()) else "degraded" if any(other.values()) else "ready"
    body: dict[str, Any] = {"status": status}
    if from_this_machine(request):
        body["checks"] = {name: trouble or "ok" for name, trouble in {**vital, **other}.items()}
        body["tzdata"] = tzdata_version()
    return JsonResponse(body, status=503 if status == "not ready" else 200)
