"""The restore drill: `python -m tests.drill`. Nobody has a backup until it has been restored.

Two machines, as far as one can play them: each has a PostgreSQL and folders of its own. The first has the demo clinic and a
big one beside it, and is copied, sealed to a public key. The second gets the copy, the private key and
the keys to the answers. Every table and file must be the same, every answer and photo must open, and a person must be able
to book. Then what must not work is tried: damaged copies, another key, the data without the keys to the answers.

Prints one line, and exits with 1 if anything is not as it must be.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devservices import servers, state
from devservices.demo import answers
from devservices.processes import Family
from devservices.state import ROOT

MANAGE = [sys.executable, "manage.py"]
FILL = """
import django
django.setup()
from datetime import timedelta
from django.core.management import call_command
from accounts import clock
call_command("migrate", interactive=False, verbosity=0)
call_command("load_demo", verbosity=0)
if {rows}:
    from bench import seed
    since = clock.now().date() - timedelta(days=1000)  # out of the demo's way
    seed.clinic(since=since)
    seed.fill(since, rows={rows})
"""
AMOUNTS = """
import django, json
django.setup()
from django.db import transaction
from backups.database import amounts
with transaction.atomic():
    print(json.dumps(amounts(), sort_keys=True))
"""
TAMPER = "UPDATE intake_photo SET width = width + 1 WHERE id = (SELECT min(id) FROM intake_photo)"


class Failed(Exception):
    """Something is not as it must be."""


def say(text: str) -> None:
    """To the person at the terminal, at once."""
    print(text, flush=True)


class Machine:
    """A database, folders and an environment of its own."""

    def __init__(self, family: Family, home: Path, name: str, env: dict[str, str]) -> None:
        self.family, self.name, self.home = family, name, home / name
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(mode=0o711)
        self.url = servers.postgres(family, self.home, durable=True)
        family.children[f"PostgreSQL of {name}"] = family.children.pop("PostgreSQL")
        self.env = os.environ | env | {
            "DATABASE_URL": self.url, "MEDIA_ROOT": f"{self.home}/media", "PRIVATE_ROOT": f"{self.home}/private",
        }  # fmt: skip

    def run(self, *command: str, env: dict[str, str] | None = None, fails: bool = False) -> subprocess.CompletedProcess[str]:
        """Run to the end; the status must be as expected."""
        done = subprocess.run(command, cwd=ROOT, env=self.env | (env or {}), capture_output=True, text=True, check=False)
        if bool(done.returncode) != fails:
            wanted = "fail" if fails else "work"
            raise Failed(
                f"on {self.name}, this had to {wanted}: {' '.join(command[1:4])[:80]}\n{done.stdout}{done.stderr}"[-3000:]
            )
        return done

    def python(self, code: str) -> str:
        """What a piece of code prints."""
        return self.run(sys.executable, "-c", code).stdout

    def empty_database(self, name: str) -> dict[str, str]:
        """A new database beside the machine's own, with folders to go with it."""
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE template0', database="postgres")
        base = self.url.rpartition("/")[0]
        folders = {"MEDIA_ROOT": f"{self.home}/{name}/media", "PRIVATE_ROOT": f"{self.home}/{name}/private"}
        return {"DATABASE_URL": f"{base}/{name}", **folders}

    def sql(self, statement: str, *, database: str = servers.DATABASE) -> None:
        """Run one statement."""
        import psycopg

        with psycopg.connect(f"host={self.home / 'postgres'} user=postgres dbname={database}", autocommit=True) as connection:
            connection.execute(statement)

    @contextmanager
    def site(self) -> Iterator[str]:
        """The site, running from this machine's data."""
        port = servers.free_port()
        command = [
            str(Path(sys.executable).parent / "granian"),
            "--interface",
            "wsgi",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        log = self.home / "web.log"
        web = self.family.start(f"web of {self.name}", [*command, "config.wsgi:application"], log=log, env=self.env, cwd=ROOT)
        until = time.monotonic() + 60
        while answers(f"http://127.0.0.1:{port}/livez") != 200:
            if web.poll() is not None or time.monotonic() > until:
                raise Failed(f"the site on {self.name} does not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        web.terminate()
        web.wait(30)

    def book(self) -> str:
        """A person books over HTTP; the reference."""
        with self.site() as address:
            script = str(ROOT / "tests" / "platform" / "book_over_http.py")
            return self.run(sys.executable, script, address).stdout.split()[-1]


def environment(path: Path, redis: str) -> dict[str, str]:
    """What both machines share: the keys to answers and links, which are in no copy."""
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings", "SECRET_KEY": state.secret(path, "secret-key"), "REDIS_URL": redis,
        "ANSWER_KEYS": "drill:" + state.secret(path, "answer-key"), "LINK_KEYS": "drill:" + state.secret(path, "link-key"),
        "DEMO": "1", "DEBUG": "1", "LOG_LEVEL": "ERROR", "PYTHONPATH": str(ROOT), "BACKUP_KEYS": "",
    }  # fmt: skip


def drill(family: Family, path: Path, rows: int) -> str:
    """All of it; returns the line of figures."""
    shared = environment(path, servers.valkey(family, path))
    here, there = (Machine(family, path, name, shared) for name in ("clinic", "elsewhere"))
    key, copy = there.home / "private.key", path / "copy.tar.age"
    for left in path.glob("truenorth-*"):
        left.unlink()

    say("A clinic, and a pair of keys; the private one stays elsewhere …")
    here.python(FILL.format(rows=rows))
    here.env["BACKUP_KEYS"] = there.run(*MANAGE, "backup_key", str(key)).stdout.strip().removeprefix("BACKUP_KEYS=")

    say("The nightly copy, sealed to the public key …")
    began = time.monotonic()
    here.run(*MANAGE, "backup", "--to", str(path))
    next(path.glob("truenorth-*.tar.age")).rename(copy)
    lost = time.monotonic() - began  # whatever was written since the copy began is not in it
    before = here.python(AMOUNTS)

    say("Elsewhere, with the private key …")
    began = time.monotonic()
    restored = there.run(*MANAGE, "restore", str(copy), "--key", str(key)).stdout
    after = there.python(AMOUNTS)
    reference = there.book()
    back = time.monotonic() - began
    say("  " + restored.strip().replace("\n", "\n  "))
    say(f"  a person booked {reference} on the restored copy")

    different = compare(before, after)
    if different:
        raise Failed(f"differences: {', '.join(different)}")

    say("What must not work …")
    controls(here, there, copy, key)
    figures = dict(word.split("=", 1) for word in restored.split() if "=" in word)
    return (
        f"tables={figures['tables']} rows={figures['rows']} files={figures['files']} photos={figures['photos']} "
        f"broken={figures['broken']} differences=0 copy_mb={copy.stat().st_size / 1e6:.1f} backup_s={lost:.1f} "
        f"rpo_s={lost:.1f} (plus the time to the next copy: 24 h, nightly) rto_s={back:.1f}"
    )


# Written by the copying and restoring themselves, and by nothing else in a drill.
OWN = {"audit_auditevent"}


def compare(before: str, after: str) -> list[str]:
    """The tables that differ between the clinic, as it is now, and the restored copy."""
    import json

    one, other = json.loads(before), json.loads(after)
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name) and name not in OWN)


def controls(here: Machine, there: Machine, copy: Path, key: Path) -> None:
    """Each of these would mean that the drill proves nothing."""
    data = copy.read_bytes()
    middle, wrong = len(data) // 2, copy.with_name("damaged.tar.age")
    other = there.home / "other.key"
    there.run(*MANAGE, "backup_key", str(other))
    tries = {
        "one bit": (data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :], key),
        "the end is missing": (data[:-100], key),
        "another key": (data, other),
    }
    for number, (what, (content, with_key)) in enumerate(tries.items()):
        wrong.write_bytes(content)
        env = there.empty_database(f"control_{number}")
        said = there.run(*MANAGE, "restore", str(wrong), "--key", str(with_key), env=env, fails=True).stderr
        say(f"  {what}: {said.strip().splitlines()[-1]}")
    wrong.unlink()
    env = there.empty_database("control_keys") | {"ANSWER_KEYS": "drill:" + "another" * 8}
    said = there.run(*MANAGE, "restore", str(copy), "--key", str(key), env=env, fails=True).stderr
    say(f"  without the keys to the answers: {said.strip().splitlines()[-1]}")
    before = there.python(AMOUNTS)
    there.sql(TAMPER)
    if compare(before, there.python(AMOUNTS)) != ["intake_photo"]:
        raise Failed("a changed row was not noticed")
    say("  one changed number in one row: noticed")
    if "AGE-SECRET-KEY" in "".join(here.env.values()) or list(here.home.rglob("*.key")):
        raise Failed("the private key is on the clinic's machine")


def main() -> int:
    """Start both machines, drill, print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=100_000, help="visits in the big clinic (0: the demo alone)")
    given = options.parse_args()
    path = state.folder("drill")
    family = Family(hold=[state.lock(path, wait=600)])
    try:
        for name in ("DATABASE_URL", "REDIS_URL"):  # never somebody's real ones
            os.environ.pop(name, None)
        say(drill(family, path, given.rows))
    except Failed as failure:
        say(f"FAILED: {failure}")
        return 1
    finally:
        family.stop()
        for name in ("clinic", "elsewhere"):
            shutil.rmtree(path / name, ignore_errors=True)
        (path / "copy.tar.age").unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
