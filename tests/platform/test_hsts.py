"""HSTS binds other names only if somebody says so."""

import os
import subprocess
import sys

import pytest

_KEYS = "2026a:" + "k" * 40
_SHOW = "import config.settings as s; print(s.SECURE_HSTS_SECONDS > 0, s.SECURE_HSTS_INCLUDE_SUBDOMAINS, s.SECURE_HSTS_PRELOAD)"


@pytest.mark.parametrize(("value", "said"), [(None, "True False False"), ("0", "True False False"), ("1", "True True True")])
def test_hsts_is_for_this_name_alone_unless_set(value: str | None, said: str) -> None:
    env = {
        **os.environ, "DEBUG": "1", "SITE_URL": "https://book.clinic.example", "ANSWER_KEYS": _KEYS, "LINK_KEYS": _KEYS,
    }  # fmt: skip
    names = ("SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD")
    env = {name: text for name, text in env.items() if name not in names} | (dict.fromkeys(names, value) if value else {})
    answer = subprocess.run([sys.executable, "-c", _SHOW], env=env, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == said
