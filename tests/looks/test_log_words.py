"""Everything that is recorded has a word for the access log."""

import re
from pathlib import Path

from staff.history import WORDS

ROOT = Path(__file__).resolve().parents[2]


def test_every_recorded_action_has_a_word() -> None:
    found = set()
    for app in ("accounts", "articles", "backups", "booking", "intake", "notifications", "patients", "staff"):
        for path in (ROOT / app).rglob("*.py"):
            found |= set(re.findall(r'\brecord\(\s*"([a-z]+\.[a-z_]+)"', path.read_text(encoding="utf-8")))
    assert len(found) > 20
    assert found - set(WORDS) == set()
