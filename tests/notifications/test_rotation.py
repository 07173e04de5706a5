"""A new key for texts that came in: under it while they are in use, whatever kills the command half-way."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.signin import seal, unseal
from notifications import replies
from notifications.models import Inbound
from tests.factories import WEDNESDAY

OLD, NEW = "o" * 43, "n" * 43
BOTH = {"new": NEW, "old": OLD}


def came_in(count: int) -> None:
    """Texts that came in while there was one key."""
    for n in range(count):
        replies.take("catcher", str(n), "+15195550181", f"words {n}", now=WEDNESDAY)


def words() -> list[str]:
    return [replies.body_of(text) for text in Inbound.objects.order_by("pk")]


@pytest.mark.django_db(transaction=True)
def test_texts_come_under_the_new_key_and_the_old_one_can_go(settings: Any, capsys: Any, clinic: Any) -> None:
    settings.ANSWER_KEYS = {"old": OLD}
    came_in(5)
    Inbound.objects.filter(provider_id="0").update(received_at=WEDNESDAY - timedelta(days=100), handled_at=WEDNESDAY)
    replies.forget(now=WEDNESDAY)  # its words are gone: nothing to turn
    settings.ANSWER_KEYS = BOTH
    call_command("rotate_keys", "--batch", "2")
    assert capsys.readouterr().out == "answers=0 reviews=0 photos=0 texts=4 failed=0 left=0\n"
    settings.ANSWER_KEYS = {"new": NEW}
    assert words() == ["", "words 1", "words 2", "words 3", "words 4"]
    call_command("rotate_keys")
    assert "texts=0" in capsys.readouterr().out


@pytest.mark.django_db
def test_a_text_that_cannot_be_opened_is_named_and_stays_as_it_was(settings: Any, clinic: Any) -> None:
    settings.ANSWER_KEYS = {"old": OLD}
    came_in(1)
    Inbound.objects.update(sealed=b"\x01" + b"x" * 60)
    settings.ANSWER_KEYS = BOTH
    with pytest.raises(CommandError, match=f"text {Inbound.objects.get().pk}"):
        call_command("rotate_keys")
    assert bytes(Inbound.objects.get().sealed) == b"\x01" + b"x" * 60


@pytest.mark.django_db
@pytest.mark.parametrize("spoiled", ["no key", "changed"])
def test_a_second_factor_that_no_key_opens_is_counted_and_its_owner_named(
    settings: Any, capsys: Any, clinic: Any, make_user: Any, spoiled: str
) -> None:
    settings.LINK_KEYS = {"old": OLD}
    mine, yours = make_user("lead", "Lena Roy"), make_user("reception", "Joanne Lee")
    for user in (mine, yours):
        Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": seal("SECRET")})
    settings.LINK_KEYS = BOTH
    theirs = Authenticator.objects.filter(user=yours)
    theirs.update(data={"secret": "gone:AAAA" if spoiled == "no key" else "old:" + "A" * 60})
    with pytest.raises(CommandError, match=r"second factor of lee@tn\.example"):
        call_command("rotate_keys")
    assert capsys.readouterr().out.startswith("second_factors=1 failed=1\n")
    assert unseal(Authenticator.objects.get(user=mine).data["secret"]) == "SECRET"


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_kill_nine_leaves_every_text_readable_and_the_next_run_ends_it(
    settings: Any, process_env: dict[str, str], tmp_path: Path, clinic: Any
) -> None:
    settings.ANSWER_KEYS = {"old": OLD}
    came_in(300)
    settings.ANSWER_KEYS = BOTH
    env = process_env | {
        "ANSWER_KEYS": f"new:{NEW},old:{OLD}", "SECRET_KEY": settings.SECRET_KEY, "DJANGO_SETTINGS_MODULE": "config.settings",
    }  # fmt: skip
    command = [sys.executable, "manage.py", "rotate_keys", "--batch", "3"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=django_settings.BASE_DIR, env=env, stdout=log, stderr=log)
    until = time.monotonic() + 60
    while replies.old_texts().count() > 280 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    assert process.poll() is None, (tmp_path / "log").read_text()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert 0 < replies.old_texts().count() < 300
    assert words() == [f"words {n}" for n in range(300)]
    connection.close()
    assert subprocess.run([*command[:-1], "100"], cwd=django_settings.BASE_DIR, env=env, check=False).returncode == 0
    settings.ANSWER_KEYS = {"new": NEW}
    assert words() == [f"words {n}" for n in range(300)]
