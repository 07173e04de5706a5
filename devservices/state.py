"""Where a checkout's servers keep their files: /var/tmp/truenorth-<uid>-<hash of the checkout>/<purpose>.

What may be lost (the tests' databases) is kept in memory, under /dev/shm, where there is room: there a copy of the template
takes 30 ms however busy the disk is.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOM = 2 << 30  # bytes that must be free in memory


def _base(*, in_memory: bool) -> Path:
    if sys.platform != "linux":
        return Path(tempfile.gettempdir())
    memory = Path("/dev/shm")  # noqa: S108  (the owner is checked)
    if in_memory and memory.is_dir() and os.access(memory, os.W_OK):
        free = os.statvfs(memory)
        if free.f_bavail * free.f_frsize > ROOM:
            return memory
    return Path("/var/tmp")  # noqa: S108


def folder(purpose: str, *, in_memory: bool = False) -> Path:
    """The folder of `purpose` ("demo", "test", "bench", "binaries"), made if missing. Stops if somebody else owns it."""
    base = _base(in_memory=in_memory)
    name = hashlib.sha256(str(ROOT).encode()).hexdigest()[:10]
    path = base / f"truenorth-{os.getuid()}-{name}"
    for step in (path, path / purpose):
        try:
            step.mkdir(mode=0o711)  # others may pass through (PostgreSQL runs as `nobody` under root), not look
        except FileExistsError:
            if step.is_symlink() or step.lstat().st_uid != os.getuid():
                sys.exit(f"{step} belongs to somebody else; remove it, or set DATABASE_URL and REDIS_URL.")
    return path / purpose


def lock(path: Path, *, wait: float) -> int:
    """Take the folder's lock, waiting up to `wait` seconds; the descriptor holds it until every holder is gone."""
    descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    until, said = time.monotonic() + wait, wait < 2  # a short wait needs no word
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(descriptor)
                sys.exit(f"It is running already for this checkout ({path} is locked). Stop that one first.")
            if not said:
                said = True
                print("It is running in this checkout, or stopping: waiting for it …", file=sys.stderr, flush=True)  # noqa: T201
            time.sleep(0.1)
        else:
            return descriptor


def secret(path: Path, name: str, *, size: int = 48) -> str:
    """A random value that is made once and kept (mode 0600) in the folder."""
    file = path / f"{name}.secret"
    if not file.exists():
        fresh = file.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(size), encoding="ascii")
        fresh.rename(file)
    return file.read_text(encoding="ascii")


def reset(path: Path) -> None:
    """Remove everything that a folder keeps. Refuses while its servers run."""
    held = lock(path, wait=1)
    shutil.rmtree(path)
    os.close(held)
