"""`make demo`: servers, data, web, worker, beat, sender and mail catcher under one foreground process."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import date
from pathlib import Path

from devservices import servers, state
from devservices.processes import Family, die_with_parent, hear_ctrl_c
from devservices.state import ROOT

BIN = Path(sys.executable).parent
ROOM = 200  # MB: what the demo's database grows to, and its write-ahead log
PREPARE = """
import django
django.setup()
from django.core.management import call_command as call
call("migrate", interactive=False, verbosity=0)
call("load_demo")
"""


def say(text: str) -> None:
    """To the person at the terminal, at once."""
    print(text, flush=True)  # noqa: T201


def environment(path: Path, port: int) -> dict[str, str]:
    """The demo's settings. Keys are random, made once and kept (mode 0600) in the state folder."""
    home = f"http://localhost:{port}"
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DEMO": "1",
        "DEBUG": "0",
        "SECRET_KEY": state.secret(path, "secret-key"),
        "ANSWER_KEYS": "demo:" + state.secret(path, "answer-key"),
        "LINK_KEYS": "demo:" + state.secret(path, "link-key"),
        "SITE_URL": os.environ.get("SITE_URL", home),
        "MESSAGE_GRACE_SECONDS": os.environ.get("MESSAGE_GRACE_SECONDS", "15"),
        "MAIL_PROVIDER": "smtp",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(servers.free_port()),
        "EMAIL_USE_TLS": "0",
        "MEDIA_ROOT": os.environ.get("MEDIA_ROOT", str(path / "media")),
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
        "PYTHONUNBUFFERED": "1",
    }


def fingerprint(env: dict[str, str]) -> str:
    """Changes with the code, the data files, the locks, the database and the day: the data is then brought up."""
    found = hashlib.sha256(f"{date.today()} {env['DATABASE_URL']} {sys.version}".encode())  # noqa: DTZ011
    skip = {".git", ".venv", "staticfiles", "media", "__pycache__", "tests", "bench", "docs"}
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if name not in skip and not name.startswith("."))
        for name in sorted(files):
            if name.endswith((".py", ".json", ".yaml", ".yml", ".txt", ".css", ".js", ".svg", ".html", ".md")):
                found.update(name.encode())
                found.update((Path(folder) / name).read_bytes())
    return found.hexdigest()


def prepare(path: Path, env: dict[str, str]) -> str:
    """Migrate, load the demo clinic, collect the static files, if anything changed. Returns what load_demo said."""
    stamp, said = path / "prepared", path / "sign-ins.txt"
    wanted = fingerprint(env)
    if stamp.exists() and stamp.read_text() == wanted and said.exists() and (ROOT / "staticfiles").is_dir():
        return said.read_text()
    say("Preparing the data (the first time takes about half a minute) …")
    python = [sys.executable, "-c", PREPARE]
    collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"]
    data = subprocess.Popen(python, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)  # noqa: S603
    static = subprocess.Popen(collect, cwd=ROOT, env=env)  # noqa: S603
    out, _ = data.communicate()
    if static.wait() or data.returncode:
        sys.exit("The data could not be prepared; see above.")
    said.touch(mode=0o600)
    said.write_text(out)
    stamp.write_text(wanted)
    return out


def commands(path: Path, port: int, host: str) -> dict[str, list[str]]:
    """What runs beside the two servers, the web server first."""
    manage = [sys.executable, "manage.py"]
    celery = [str(BIN / "celery"), "-A", "config"]
    granian = ["--interface", "wsgi", "--workers", "2", "--blocking-threads", "4", "--respawn-failed-workers"]
    return {
        "web": [str(BIN / "granian"), *granian, "--host", host, "--port", str(port), "config.wsgi:application"],
        "mail": [*manage, "catch_mail"],
        "sender": [*manage, "send_due", "--every", "2"],
        "worker": [*celery, "worker", "-c", "2", "--loglevel", "WARNING", "--without-gossip", "--without-mingle"],
        "beat": [*celery, "beat", "--loglevel", "WARNING", "-s", str(path / "beat"), "--pidfile", ""],
    }


def answers(url: str) -> int:
    """The status that the page is answered with, 0 while nobody does."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def await_page(family: Family, port: int) -> int:
    """Wait for the first page; returns its status, 0 if it never came."""
    until = time.monotonic() + 120
    while time.monotonic() < until and not family.ended():
        if status := answers(f"http://127.0.0.1:{port}/"):
            return status
        time.sleep(0.05)
    return 0


def welcome(path: Path, port: int, seconds: float, signins: str) -> str:
    """What is printed once the first page is there."""
    home = f"http://localhost:{port}"
    return f"""
  True North is at {home}/ (first page after {seconds:.1f} s)
  Every email and text that goes out: {home}/demo/mailbox/

{signins.rstrip()}

  Logs: {path}/*.log
  Ctrl-C stops everything; the data stays. `make reset` starts over.
"""


def fail(family: Family, path: Path, name: str, why: str = "") -> int:
    """Say which part ended, or what is wrong with it, after the end of its log."""
    log = {"PostgreSQL": "postgres", "Valkey": "valkey"}.get(name, name)
    say((path / f"{log}.log").read_text(errors="replace")[-3000:])
    say(f"{name}: {why or f'it ended with status {family.children[name].poll()}'}; stopping everything.")
    return 1


def cannot_start(path: Path, port: str) -> str | None:
    """What keeps the demo from starting, in a sentence that says what to do; None if nothing does."""
    if not port.isdecimal() or not 0 < int(port) < 65536:
        return f"PORT must be a number from 1 to 65535, not {port!r}: make demo PORT=8000"
    if servers.listens(int(port)):
        return f"Something listens on port {port} already. Choose another: make demo PORT={int(port) % 65535 + 1}"
    room = shutil.disk_usage(path).free >> 20
    if room < ROOM:
        return f"Only {room} MB are free in {path.parent.parent}, and the demo wants {ROOM}. Free some, or set DATABASE_URL."
    return None


def main() -> int:
    """Run until Ctrl-C, SIGTERM or a part that ends by itself."""
    began = time.monotonic()
    for how in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(how, lambda *_: sys.exit(0))
    hear_ctrl_c()
    die_with_parent(signal.SIGTERM)
    path = state.folder("demo")
    held = state.lock(path, wait=15)  # first: one that is stopping gives back its port with it
    port, host = os.environ.get("PORT") or "8000", os.environ.get("HOST") or "127.0.0.1"
    if trouble := cannot_start(path, port):
        say(trouble)
        return 1
    family = Family(hold=[held])
    try:
        env = environment(path, int(port))
        env |= servers.start(family, path, durable=True)
        signins = prepare(path, env)
        for name, command in commands(path, int(port), host).items():
            family.start(name, command, log=path / f"{name}.log", env=env, cwd=ROOT)
            if name == "web" and (status := await_page(family, int(port))) != 200:
                return fail(family, path, family.ended() or "web", f"the first page answers {status}" if status else "")
            if name == "web":
                say(welcome(path, int(port), time.monotonic() - began, signins))
        while not (ended := family.ended()):
            time.sleep(0.3)
        return fail(family, path, ended)
    except KeyboardInterrupt:
        return 0
    finally:
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(how, signal.SIG_IGN)
        say("Stopping …")
        family.stop()
