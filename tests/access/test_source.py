"""What is read in the source rather than tried: markup without inline code, and views that fetch records through one door."""

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
APPS = ["accounts", "articles", "audit", "backups", "booking", "intake", "notifications", "patients", "portal", "staff"]
TEMPLATES = sorted((ROOT / "templates").rglob("*.*ml")) + sorted((ROOT / "templates").rglob("*.txt"))
CODE = [p for app in APPS for p in sorted((ROOT / app).rglob("*.py")) if "migrations" not in p.parts]

# --- Markup ---------------------------------------------------------------------------------------------------------

# Mail programs know no style sheet; such a mail is never served as a page, except into the demo's sandboxed frame. Nor is a record
# that was written out, which is read from a folder.
MAY_STYLE = ("notifications/", "records/")
INLINE = {
    "an inline script": re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/(?:ld\+)?json\")[^>]*>", re.IGNORECASE),
    "an inline style": re.compile(r"<style\b|\sstyle\s*=", re.IGNORECASE),
    "an inline handler": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a javascript: address": re.compile(r"(?:href|src|action)\s*=\s*[\"']?\s*javascript:", re.IGNORECASE),
    "something from elsewhere": re.compile(
        r"<(?:script|link|img|iframe|form)\b[^>]*(?:src|href|action)=[\"'](?:https?:)?//", re.IGNORECASE
    ),
}
UNESCAPED = re.compile(r"\|\s*safe(?:seq)?\b|autoescape off|\bmark_safe\(|\bSafeString\(|__html__")
# Each with why nothing that somebody typed gets there.
MAY_BE_SAFE = {
    "accounts/templatetags/ui.py": "drawings from our own files, and markup built with format_html around escaped parts",
    "articles/templatetags/articles.py": "two marks of our own, compared before they are let through",
}


def where(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def plain(text: str) -> str:
    """A template without its comments."""
    return re.sub(r"{%\s*comment.*?endcomment\s*%}|{#.*?#}|<!--.*?-->", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("what", list(INLINE))
def test_no_template_holds(what: str) -> None:
    found = []
    for path in TEMPLATES:
        if any(part in where(path) for part in MAY_STYLE) and what in {"an inline style", "something from elsewhere"}:
            continue
        text = plain(path.read_text(encoding="utf-8"))
        found += [f"{where(path)}: {m.group()[:60]}" for m in INLINE[what].finditer(text)]
    assert found == []


def test_nothing_is_marked_safe() -> None:
    found = {}
    for path in [*TEMPLATES, *CODE]:
        text = plain(path.read_text(encoding="utf-8"))
        if (hits := UNESCAPED.findall(text)) and where(path) not in MAY_BE_SAFE:
            found[where(path)] = hits
    assert found == {}, "Use format_html, or say in MAY_BE_SAFE why nothing typed gets there."


def test_what_may_be_marked_safe_still_needs_to() -> None:
    stale = [
        name
        for name in MAY_BE_SAFE
        if not (ROOT / name).exists() or not UNESCAPED.search((ROOT / name).read_text(encoding="utf-8"))
    ]
    assert stale == []


def test_scripts_of_ours_write_no_markup() -> None:
    risky = re.compile(
        r"\.(?:innerHTML|outerHTML)\s*\+?=|insertAdjacentHTML|document\.write|\beval\(|new Function\(|(?:local|session)Storage(?!\.(?:get|set|remove)Item\(\"desk-(?:keys|veil|hours|pressed)\")"
    )
    ours = list((ROOT / "static").rglob("*.js"))
    assert ours
    found = {where(p): hits for p in ours if (hits := risky.findall(p.read_text(encoding="utf-8")))}
    assert found == {}


# --- Views ----------------------------------------------------------------------------------------------------------

RECORDS = {
    "Patient",
    "Appointment",
    "QuestionnaireResponse",
    "ContactCode",
    "MergeOffer",
    "Review",
    "ConsentRecord",
    "AuditEvent",
    "Message",
}
VIEWS = [
    p
    for p in CODE
    if "actions" not in p.parts
    and ("views" in p.parts or p.name in {"views.py", "seats.py", "steps.py", "search.py", "board.py", "history.py", "picker.py"})
]
# Module and function → whose it is, and how that is known. Everything else goes through `for_actor(user)`.
KNOWN_OTHERWISE = {
    # The browser's own, by an id in its session, which the server wrote and no form can.
    ("booking/views/done.py", "done"): "the session's visit",
    ("booking/views/paper.py", "done_answers"): "the session's visit",
    ("booking/views/visit.py", "done_photos"): "the session's visit",
    ("booking/views/idle.py", "_held"): "the session's draft and visit",
    ("booking/views/idle.py", "_open"): "the session's visit",
    ("booking/views/tablet.py", "_visit"): "the session's visit, bound by the desk",
    ("booking/views/tablet.py", "_note"): "the session's visit, bound by the desk",
    ("booking/views/feed.py", "feed"): "times only, of the practitioner whose address it is",
    ("booking/views/step.py", "code"): "the code that the session has asked for",
    # Rows of a visit that was found through for_actor already.
    ("staff/board.py", "_beside"): "subqueries of for_actor's rows",
    ("staff/board.py", "mark_now"): "version numbers, and how many",
    ("staff/history.py", "log_of"): "the log of a visit that was found through for_actor",
    ("staff/history.py", "messages_of"): "the messages of a visit that was found through for_actor",
    ("staff/board.py", "bookable"): "how many are to be called, and nothing of them",
    ("staff/steps.py", "who_changed"): "the log of a visit that was found through for_actor",
    ("staff/search.py", "with_visits"): "visits of patients found through for_actor",
    # The lead's screen of who looked at what: the trail itself, which holds no answers.
    ("staff/views/clinic.py", "access_log"): "the trail, for the clinic lead",
}
FETCHING = {"get", "filter", "exclude", "all", "first", "last", "values", "values_list", "in_bulk", "raw", "iterator", "latest", "earliest",
            "select_related", "annotate", "order_by", "between", "visits", "current", "reached_at", "about_visit", "to_call"}  # fmt: skip


def fetches(path: Path) -> list[tuple[str, str, int]]:
    """(function, model, line) of every look-up of a record in a module that does not begin with for_actor."""
    found: list[tuple[str, str, int]] = []

    def visit(node: ast.AST, function: str) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node.name
        if (
            isinstance(node, ast.Attribute)
            and node.attr in FETCHING
            and isinstance(node.value, ast.Attribute)
            and node.value.attr in {"objects", "_default_manager", "_base_manager"}
            and isinstance(node.value.value, ast.Name)
            and node.value.value.id in RECORDS
        ):
            found.append((function, node.value.value.id, node.lineno))
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"get_object_or_404", "get_list_or_404"}
            and node.args
            and isinstance(node.args[0], ast.Name)
            and node.args[0].id in RECORDS
        ):
            found.append((function, node.args[0].id, node.lineno))
        for child in ast.iter_child_nodes(node):
            visit(child, function)

    visit(ast.parse(path.read_text(encoding="utf-8")), "")
    return found


def test_views_fetch_records_through_one_door() -> None:
    assert len(VIEWS) > 12
    loose = [
        f"{where(path)}:{line} {model} in {function}()"
        for path in VIEWS
        for function, model, line in fetches(path)
        if (where(path), function) not in KNOWN_OTHERWISE
    ]
    assert loose == [], "Fetch it with for_actor(request.user), or say in KNOWN_OTHERWISE whose it is."


def test_what_is_known_otherwise_still_is() -> None:
    used = {(where(path), function) for path in VIEWS for function, _model, _line in fetches(path)}
    assert set(KNOWN_OTHERWISE) - used == set()


def test_the_check_sees_what_it_is_to_see(tmp_path: Path) -> None:
    loose = tmp_path / "views.py"
    loose.write_text(
        "def a(r):\n    return Patient.objects.get(pk=1)\n"
        "def b(r):\n    return Patient.objects.for_actor(r.user).get(pk=1)\n"
        "def c(r):\n    return get_object_or_404(Appointment, pk=1)\n"
    )
    assert [f for f, _m, _l in fetches(loose)] == ["a", "c"]


def test_staff_views_name_their_audience() -> None:
    """Each screen of /desk, /md and /clinic is behind one of the helpers; none is open by omission."""
    from staff import urls

    open_ones = [p.name for p in urls.urlpatterns if not getattr(p.callback, "audience", ())]
    assert open_ones == []


def test_no_text_of_a_request_chooses_a_column() -> None:
    """`order_by`, `values`, `annotate(**…)` and `filter(**…)` take names from the source, never from a query or form."""
    risky = []
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                dynamic = any(not isinstance(a, ast.Constant | ast.Call | ast.Starred) for a in node.args)
                if node.func.attr in {"extra", "raw"} and "objects" in ast.unparse(node.func):
                    risky.append(f"{where(path)}:{node.lineno} {node.func.attr}")
                if node.func.attr == "order_by" and dynamic and "request" in ast.unparse(node):
                    risky.append(f"{where(path)}:{node.lineno} order_by")
    assert risky == []
