"""The embedded servers leave nothing behind, however their parent ends."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devservices import state

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="which processes are left can be told for certain on Linux only (/proc)"
)
# Starts both servers in a folder of its own, with a child that starts a grandchild, and waits to be ended.
CHILD = """
import signal, sys, time
from pathlib import Path
from devservices import servers, state
from devservices.processes import Family
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that runs the tests in the background had it ignored
path = Path(sys.argv[1])
family = Family(hold=[state.lock(path, wait=5)])
try:
    print(servers.start(family, path, durable=False)["DATABASE_URL"], flush=True)
    app = [sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '600'])"]
    family.start("app", app, log=path / "app.log")
    print("ready", flush=True)
    time.sleep(600)
finally:
    family.stop()
"""


def running() -> dict[int, tuple[int, str]]:
    """Every live process: its parent, and when it started (a pid alone can be used again)."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state_, parent, *rest = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if state_ != "Z":
            found[int(stat.parent.name)] = (int(parent), rest[17])
    return found


def family_of(pid: int) -> dict[int, str]:
    """`pid` and all that descend from it, with the time each one started."""
    processes = running()
    found = {pid}
    while more := {child for child, (parent, _) in processes.items() if parent in found} - found:
        found |= more
    return {one: processes[one][1] for one in found}


def left(family: dict[int, str]) -> set[int]:
    """Those of the family that still run."""
    now = running()
    return {pid for pid, began in family.items() if pid in now and now[pid][1] == began}


@pytest.fixture
def home() -> Iterator[Path]:
    path = state.folder(f"try{os.getpid()}")
    yield path
    state.reset(path)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_behind(home: Path, how: signal.Signals) -> None:
    env = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    command = [sys.executable, "-c", CHILD, str(home)]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline().startswith("postgres://")
            assert child.stdout.readline() == "ready\n"
            family = family_of(child.pid)
            assert len(family) >= 10  # us, the guard, PostgreSQL with its own, Valkey, the app and its child
            child.send_signal(how)
            child.wait(timeout=20)
        finally:
            child.kill()
    until = time.monotonic() + 15
    while left(family) and time.monotonic() < until:
        time.sleep(0.05)
    assert left(family) == set()
    os.close(state.lock(home, wait=0))  # and the next one can start at once


def test_a_second_start_waits_for_the_first_and_then_says_so(home: Path) -> None:
    held = state.lock(home, wait=0)
    with pytest.raises(SystemExit, match="running already"):
        state.lock(home, wait=0.2)
    os.close(held)


def test_given_addresses_start_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from devservices import servers
    from devservices.processes import Family

    monkeypatch.setenv("DATABASE_URL", "postgres://there/db")
    monkeypatch.setenv("REDIS_URL", "redis://there/0")
    family = Family()
    assert servers.start(family, home, durable=True) == {
        "DATABASE_URL": "postgres://there/db",
        "REDIS_URL": "redis://there/0",
    }
    assert family.children == {}
    family.stop()


def test_a_secret_is_made_once_and_only_its_owner_reads_it(home: Path) -> None:
    first = state.secret(home, "key")
    assert state.secret(home, "key") == first
    assert len(first) >= 40
    assert (home / "key.secret").stat().st_mode & 0o777 == 0o600


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "ROOT", tmp_path)
    ours = state.folder("demo").parent
    shutil.rmtree(ours)
    ours.symlink_to("/etc")
    try:
        with pytest.raises(SystemExit, match="belongs to somebody else"):
            state.folder("demo")
    finally:
        ours.unlink()
