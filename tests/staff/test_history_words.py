"""Every audit action can be read by a person."""

import ast
import re
from collections.abc import Iterator

from django.conf import settings

from staff.history import WORDS

CODE = re.compile(r"(accounts|booking|intake|notifications|patients|portal|records|staff)\.[a-z_]+")
NOT_ACTIONS = {"shared_task", "getLogger", "salted_hmac"}


def recorded() -> Iterator[str]:
    """The action codes that stand as an argument of a call anywhere in the product."""
    for app in ("accounts", "booking", "intake", "notifications", "patients", "portal", "records", "staff"):
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            if "migrations" in path.parts:
                continue
            for call in (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)):
                if getattr(call.func, "id", getattr(call.func, "attr", "")) in NOT_ACTIONS:
                    continue
                for value in [*call.args, *(k.value for k in call.keywords if k.arg == "action")]:
                    if isinstance(value, ast.Constant) and CODE.fullmatch(str(value.value)):
                        yield str(value.value)


def test_every_action_that_is_recorded_has_words_in_the_history() -> None:
    found = set(recorded())
    assert len(found) > 80
    assert found - set(WORDS) == set()
