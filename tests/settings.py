"""The settings that tests run with: config.settings, on servers that are started if the environment names none."""

import atexit
import gc
import os
import shutil
import tempfile

from devservices import servers, state
from devservices.processes import Family

# The collector looks through everything that was ever imported; at Python's own thresholds that is a tenth of all CPU. What is
# there before the first test is set apart for good (`tests/conftest.py`).
gc.set_threshold(50_000, 20, 100)

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")  # "gw0", "gw1" … in a worker of pytest-xdist, else empty

for name, value in {
    "SECRET_KEY": "tests-" + "k" * 44,
    "ANSWER_KEYS": "test:" + "a" * 43,
    "LINK_KEYS": "test:" + "l" * 43,
    "DJANGO_ALLOW_ASYNC_UNSAFE": "true",  # Playwright's loop runs in the same thread
}.items():
    os.environ.setdefault(name, value)

if not os.environ.get("PRIVATE_ROOT"):  # photos that a test uploads
    private = tempfile.mkdtemp(prefix="photos-")
    atexit.register(shutil.rmtree, private, ignore_errors=True)
    os.environ["PRIVATE_ROOT"] = private

if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
    path = state.folder("test", in_memory=True)
    family = Family(hold=[state.lock(path, wait=600)])
    os.environ.update(servers.start(family, path, durable=False))
    atexit.register(family.stop)

if WORKER:  # each worker has a Redis database of its own; the servers above were started by the controller
    base, _, index = os.environ["REDIS_URL"].rpartition("/")
    os.environ["REDIS_URL"] = f"{base}/{int(index) + 1 + int(WORKER.removeprefix('gw'))}"

from config.settings import *  # noqa: F403

# WhiteNoise would look through the demo's collected files for every test client; tests find static files without it.
STATIC_ROOT = BASE_DIR / "test-results" / "no-collected-files"  # noqa: F405
MIDDLEWARE = ["tests.squeeze.middleware", *MIDDLEWARE]  # noqa: F405
