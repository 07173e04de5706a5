"""The files around the code say what is true."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(r'\benv(?:_bool|_int|_list|_keys)?\(\s*"([A-Z][A-Z0-9_]+)"')
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
EXAMPLE = (ROOT / ".env.example").read_text()


def names_in_example() -> set[str]:
    return set(re.findall(r"^([A-Z][A-Z0-9_]+)=", EXAMPLE, re.M))


def names_in_settings() -> set[str]:
    return {name for file in (ROOT / "config").glob("*.py") for name in READ.findall(file.read_text())}


def names_only_in_compose() -> set[str]:
    asked = set(re.findall(r"\$\{([A-Z0-9_]+)", (ROOT / "docker-compose.yml").read_text()))
    return asked - names_in_settings()


def test_the_example_names_every_variable_that_settings_read_and_no_other() -> None:
    assert len(names_in_settings()) > 20
    assert names_in_example() == names_in_settings() | names_only_in_compose()


def test_the_example_holds_no_secret() -> None:
    empty = {"SECRET_KEY", "EMAIL_HOST_PASSWORD", "POSTGRES_PASSWORD", "APP_DATABASE_PASSWORD", "REDIS_PASSWORD"}
    values = dict(re.findall(r"^([A-Z][A-Z0-9_]+)=(.*)$", EXAMPLE, re.M))
    assert {name for name in empty if values[name]} == set()


def test_every_variable_of_settings_reaches_the_containers() -> None:
    image = set(re.findall(r"\b([A-Z_]+)=/(?:data|opt)", (ROOT / "Dockerfile").read_text()))
    given = set(COMPOSE["services"]["web"]["environment"]) | image | {"DEBUG", "APP_DATABASE_URL"}
    assert names_in_settings() - given == set()


def test_no_secret_stands_in_the_compose_file() -> None:
    for service in COMPOSE["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|KEY|_URL", name) and name != "SITE_URL":
                assert "${" in str(value), name


def test_nothing_runs_as_root_and_every_service_is_watched() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^USER (\S+)", dockerfile, re.M)[-1] not in {"root", "0"}
    for name, service in COMPOSE["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert "healthcheck" in service, name
        if "build" not in service:
            assert service["user"] not in {"root", "0"}, name


def test_the_application_waits_for_the_migration_and_signs_in_with_a_role_of_its_own() -> None:
    owner = COMPOSE["services"]["migrate"]["environment"]
    for name in ("web", "worker", "beat", "sender"):
        service = COMPOSE["services"][name]
        assert service["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
        assert service["environment"]["DATABASE_URL"] == owner["APP_DATABASE_URL"] != owner["DATABASE_URL"]


def test_the_image_holds_only_what_production_needs() -> None:
    kept = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.M)
    assert not {"devservices", "tests", "bench", ".env", "requirements/dev.txt"} & set(kept)
    apps = {f.parent.name for f in ROOT.glob("*/apps.py")} | {"config", "static", "templates", "manage.py"}
    assert apps - set(kept) == set()


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))


def test_make_help_lists_every_target_in_one_line() -> None:
    out = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = re.findall(r"^  make (\S+) +\S.*$", out, re.M)
    assert len(listed) == len(set(listed)) == len(out.splitlines())
    assert set(listed) == targets()


def test_ci_runs_the_tests_as_ci() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "CI=true make test" in script.read_text()


@pytest.mark.parametrize("group", ["base", "demo", "dev"])
def test_every_locked_requirement_is_pinned_by_hash_and_names_no_host(group: str) -> None:
    text = (ROOT / "requirements" / f"{group}.txt").read_text()
    pinned = re.findall(r"^[a-z0-9][^=\s]*==\S+.*\\\n    --hash=sha256:", text, re.M)
    assert len(pinned) == len(re.findall(r"^[a-z0-9]", text, re.M)) > 20
    assert "://" not in text


def test_the_layers_name_every_app() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (contract,) = project["tool"]["importlinter"]["contracts"]
    layers = [name for layer in contract["layers"] for name in layer.split(" | ")]
    apps = {f.parent.name for f in ROOT.glob("*/apps.py")}
    assert set(layers) == apps
    order = "backups staff portal articles records notifications care booking intake patients accounts audit".split()
    assert layers == [name for name in order if name in apps]


def test_production_code_never_imports_the_embedded_servers() -> None:
    for app in {f.parent for f in ROOT.glob("*/apps.py")} | {ROOT / "config"}:
        for file in app.rglob("*.py"):
            assert "devservices" not in file.read_text(), file
