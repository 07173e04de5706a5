"""Stops what its parent started, however the parent ends. Runs alone: `python -I guard.py`, told by its stdin.

Each line is "stage signal pid". When stdin closes (the parent said so, or died, even by kill -9), every process
group is asked to stop, the highest stage first, and killed if it is still there after the patience of its stage.
"""

import os
import signal
import sys
import time
from contextlib import suppress

PATIENCE = 6.0  # seconds per stage


def alive(group: int) -> bool:
    """Whether any process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def stop(groups: dict[int, int]) -> None:
    """Ask each group (`{pid: signal}`) to end; kill what has not ended in time."""
    for group, how in groups.items():
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, how)
    until = time.monotonic() + PATIENCE
    while any(map(alive, groups)) and time.monotonic() < until:
        time.sleep(0.03)
    for group in filter(alive, groups):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def main() -> None:
    """Listen until the parent is gone, then clean up after it."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # only the end of the parent counts
    stages: dict[int, dict[int, int]] = {}
    for line in sys.stdin:
        stage, how, pid = map(int, line.split())
        stages.setdefault(stage, {})[pid] = how
    for stage in sorted(stages, reverse=True):
        stop(stages[stage])


if __name__ == "__main__":
    main()
