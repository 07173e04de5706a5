"""ARCHITECTURE.md is a map of what is there: its folders, its layers, its files."""

import re
import tomllib
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
MAP = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_file_and_folder_it_names_is_there() -> None:
    named = {name for name in re.findall(r"`([a-z][a-z_/]*/[a-z_]*(?:\.(?:py|md))?)`", MAP) if "<" not in name}
    assert {"booking/slots.py", "notifications/kinds.py", "intake/questionnaires/", "records/"} <= named
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_app_is_on_it() -> None:
    apps = set(PROJECT["tool"]["importlinter"]["root_packages"])
    assert {app for app in apps if f"| `{app}/` |" not in MAP} == set()


def test_its_layers_are_those_that_lint_checks() -> None:
    [drawn] = re.findall(r"^```\n(.*→.*)\n```$", MAP, re.MULTILINE)
    [contract] = PROJECT["tool"]["importlinter"]["contracts"]
    assert drawn.split(" → ") == contract["layers"]
