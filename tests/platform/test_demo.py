"""What `make demo` decides before it starts anything."""

import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from devservices import demo, processes, state
from devservices.__main__ import run


class Disk(NamedTuple):
    free: int


@pytest.fixture
def home() -> Iterator[Path]:
    path = state.folder(f"demo{os.getpid()}")
    yield path
    shutil.rmtree(path)


def test_the_demos_keys_are_random_and_kept_so_that_the_data_still_opens(home: Path) -> None:
    first, second = demo.environment(home, 8000), demo.environment(home, 8000)
    for name in ("SECRET_KEY", "ANSWER_KEYS", "LINK_KEYS"):
        assert first[name] == second[name]
        assert len(first[name]) > 40
    assert len({first[name] for name in ("SECRET_KEY", "ANSWER_KEYS", "LINK_KEYS")}) == 3


def test_the_demo_never_runs_with_debug_and_mails_only_this_machine(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", "1")
    monkeypatch.setenv("EMAIL_HOST", "smtp.example.org")
    env = demo.environment(home, 8077)
    assert (env["DEMO"], env["DEBUG"], env["EMAIL_HOST"]) == ("1", "0", "127.0.0.1")
    assert env["SITE_URL"] == "http://localhost:8077"
    assert env["MESSAGE_GRACE_SECONDS"] == "15"


@pytest.fixture
def nothing_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "folder", lambda _: tmp_path)
    monkeypatch.setattr(demo, "Family", lambda **_: pytest.fail("started"))
    monkeypatch.setattr(demo, "die_with_parent", lambda _: None)
    monkeypatch.setattr(demo.signal, "signal", lambda *_: None)


@pytest.mark.parametrize("begin", [demo.main, partial(run, ["true"])])
def test_ctrl_c_ends_it_although_a_shell_started_it_in_the_background(
    begin: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {how: signal.getsignal(how) for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.setattr(processes, "PR_SET_PDEATHSIG", 0)  # nothing is asked of the kernel
    monkeypatch.setattr(state, "folder", lambda *_, **__: os.kill(os.getpid(), signal.SIGINT))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as POSIX has a shell do for what it does not wait for
    try:
        with pytest.raises(KeyboardInterrupt):
            begin()
    finally:
        for how, handler in before.items():
            signal.signal(how, handler)


@pytest.mark.usefixtures("nothing_starts")
def test_a_port_that_is_taken_is_said_and_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        assert demo.main() == 1
    assert f"make demo PORT={port + 1}" in capsys.readouterr().out


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize("port", ["abc", "0", "80000", "-1"])
def test_a_port_that_is_none_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], port: str
) -> None:
    monkeypatch.setenv("PORT", port)
    assert demo.main() == 1
    assert f"PORT must be a number from 1 to 65535, not '{port}'" in capsys.readouterr().out


@pytest.mark.usefixtures("nothing_starts")
def test_a_disk_that_is_nearly_full_is_said_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "1")
    monkeypatch.setattr(demo.shutil, "disk_usage", lambda _: Disk(60 << 20))
    assert demo.main() == 1
    assert "Only 60 MB are free" in capsys.readouterr().out


def test_the_data_is_prepared_again_when_code_or_day_or_database_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "ROOT", tmp_path)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "models.py").write_text("a = 1")
    (tmp_path / ".git").mkdir()
    env = {"DATABASE_URL": "postgres:///a"}
    first = demo.fingerprint(env)
    (tmp_path / ".git" / "x.py").write_text("not looked at")
    assert demo.fingerprint(env) == first
    assert demo.fingerprint({"DATABASE_URL": "postgres:///b"}) != first
    (tmp_path / "app" / "models.py").write_text("a = 2")
    assert demo.fingerprint(env) != first
