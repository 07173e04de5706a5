"""python -m devservices demo | run -- COMMAND … | reset"""

import os
import signal
import subprocess
import sys

from devservices import state
from devservices.processes import Family, die_with_parent, hear_ctrl_c, in_child


def run(command: list[str]) -> int:
    """Run `command` with the test servers; its exit status is ours."""
    from devservices import servers

    die_with_parent(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    hear_ctrl_c()
    path = state.folder("test", in_memory=True)
    family = Family(hold=[state.lock(path, wait=600)])
    try:
        env = os.environ | servers.start(family, path, durable=False)
        child = in_child(signal.SIGTERM, os.getpid())
        return subprocess.run(command, env=env, check=False, preexec_fn=child).returncode  # noqa: S603
    except KeyboardInterrupt:
        return 130
    finally:
        family.stop()


def main(arguments: list[str]) -> int:
    """The command line."""
    match arguments:
        case ["demo"]:
            from devservices import demo

            return demo.main()
        case ["run", "--", *command] if command:
            return run(command)
        case ["reset"]:
            for path in (state.folder("demo"), state.folder("test"), state.folder("test", in_memory=True)):
                state.reset(path)
            return 0
    print(__doc__, file=sys.stderr)  # noqa: T201
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
