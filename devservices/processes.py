"""Child processes that never outlive us, whether we end by returning, Ctrl-C, SIGTERM or kill -9."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

SERVERS, APPS = 0, 1  # what is stopped first has the higher number
PR_SET_PDEATHSIG = 1


def die_with_parent(how: int) -> None:
    """Ask the kernel (Linux only) to send us `how` when the thread that started us ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, how)


def hear_ctrl_c() -> None:
    """End by SIGINT, which a shell without a terminal has its background jobs ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def in_child(how: int, parent: int) -> Callable[[], None]:
    """A `preexec_fn`: the kernel sends `how` to the child when `parent` ends."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def run() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, how)  # after the change of user, which would clear it
        if os.getppid() != parent:
            os._exit(1)

    return run


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class Family:
    """Everything we start. Each child leads a session of its own; a guard outside stops them all when we end."""

    def __init__(self, *, hold: Sequence[int] = ()) -> None:
        """`hold` are descriptors (locks) that the guard keeps open until the last child has ended."""
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.guard = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py"))],
            stdin=subprocess.PIPE,
            start_new_session=True,
            pass_fds=tuple(hold),
        )

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        stage: int = APPS,
        stop: int = signal.SIGTERM,
        env: Mapping[str, str] | None = None,
        **popen: Any,
    ) -> subprocess.Popen[bytes]:
        """Start `command`, its output going to the file `log`. To be called from the main thread only."""
        with open(log, "wb", opener=_private) as out:
            child = subprocess.Popen(  # noqa: S603
                list(command),
                stdin=popen.pop("stdin", subprocess.DEVNULL),
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=in_child(stop, os.getpid()),
                env=None if env is None else dict(env),
                **popen,
            )
        if self.guard.stdin is None:  # pragma: no cover
            raise RuntimeError("the guard has no ear")
        self.guard.stdin.write(f"{stage} {stop:d} {child.pid}\n".encode())
        self.guard.stdin.flush()
        self.children[name] = child
        return child

    def ended(self) -> str | None:
        """The name of a child that has ended, if any."""
        return next((name for name, child in self.children.items() if child.poll() is not None), None)

    def stop(self) -> None:
        """End them all and wait until they are gone."""
        if self.guard.stdin is not None and not self.guard.stdin.closed:
            self.guard.stdin.close()
        while self.guard.poll() is None:
            for child in self.children.values():
                child.poll()  # reaps it, so that the guard sees it gone
            time.sleep(0.02)
