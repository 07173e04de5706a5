"""Every URL, asked for by everybody: the answer is the one in matrix.yaml, and what is not one's own is as if it were not there."""

import re
from collections import defaultdict
from typing import Any
from urllib.parse import quote

import pytest

from tests.access.sweep import MATRIX, PREFIXES, Answer, Sweep, ask_raw, column_of, patterns, places, remembered, row_of, undone
from tests.access.world import World

THERE = {"own", "other"}
# What a third party keeps up to date while a page of its own is read: Wagtail's and allauth's rows beside our users.
SIDE_ROWS = {"account_emailaddress", "wagtailusers_userprofile", "auth_group_permissions", "accounts_user_groups"}


def expected(row: dict[str, Any], answer: Answer) -> int | str:
    """What the matrix says to this request."""
    post = answer.method == "POST"
    if "?" in answer.url and "queries-GET" in row:
        return column_of(row["queries-GET"], answer.audience)
    there = column_of(row.get("POST", 405) if post else row.get("GET", 200), answer.audience)
    if answer.which in THERE:
        other = row.get("other-POST" if post else "other") if answer.which == "other" else None
        return there if other is None else column_of(other, answer.audience)
    missing = row.get("missing-POST" if post else "missing")
    if missing is not None:
        return column_of(missing, answer.audience)
    return 404 if isinstance(there, int) and there != 405 else there


def test_every_url_has_a_row() -> None:
    without = sorted({f"{name or path} (/{path})" for name, path in patterns() if row_of(name, path) is None})
    assert without == [], "Say in tests/access/matrix.yaml who gets what."


def test_every_row_has_a_url() -> None:
    names, paths = {name for name, _path in patterns()}, [path for _name, path in patterns()]
    gone = [name for name, row in MATRIX.items() if "prefix" not in row and name not in names]
    gone += [name for prefix, name in PREFIXES.items() if not any(path.startswith(prefix) for path in paths)]
    assert gone == []


@pytest.mark.parametrize("name", list(MATRIX))
def test_everybody_gets_what_the_matrix_says(sweep: Sweep, name: str) -> None:
    row, wrong = MATRIX[name], []
    for answer in sweep.of("GET", "POST", name=name):
        should = expected(row, answer)
        if should != "any" and answer.outcome != should:
            wrong.append(f"{answer}: {answer.outcome}, not {should}")
    assert wrong == []


def test_nothing_is_an_error(sweep: Sweep) -> None:
    assert [f"{answer}: {answer.status}" for answer in sweep if answer.status >= 500] == []


def test_reading_changes_nothing(sweep: Sweep) -> None:
    """Whatever the method: links in mails are opened by scanners, and pages are loaded ahead."""
    changing = [
        f"{answer}: {left}"
        for answer in sweep
        if answer.method != "POST" and (left := [w for w in answer.writes if w.split()[-1] not in SIDE_ROWS])
    ]
    assert changing == []


def test_only_third_parties_pages_keep_side_rows(sweep: Sweep) -> None:
    ours = [a for a in sweep if a.method != "POST" and a.writes and not a.url.startswith(("/staff/", "/editor/"))]
    assert [f"{answer}: {answer.writes}" for answer in ours] == []


def test_unusual_methods_do_nothing(sweep: Sweep) -> None:
    done = [
        f"{answer}: {answer.status}"
        for answer in sweep.of("PUT", "PATCH", "DELETE", "OPTIONS")
        # Wagtail and allauth answer some of these with the page itself, which is a read like any other.
        if answer.status == 200 and not answer.name.startswith(("wagtail", "editor", "mfa_", "account_", "usersessions"))
    ]
    assert done == []


def test_head_is_a_get_without_the_page(sweep: Sweep) -> None:
    got = {(a.name, a.url, a.audience): a for a in sweep.of("GET")}
    for answer in sweep.of("HEAD"):
        same = got[answer.name, answer.url, answer.audience]
        assert answer.status in {same.status, 405}, str(answer)
        assert answer.body == b"" or answer.status != 200, str(answer)


def test_who_may_not_see_it_cannot_tell_whether_it_is_there(sweep: Sweep) -> None:
    """For each row and each audience that gets no page: what is there, what is somebody else's and what is missing are one answer."""
    groups: dict[tuple[str, str, str], list[Answer]] = defaultdict(list)
    for answer in sweep.of("GET", "POST"):
        if "of" in MATRIX[answer.name] and "?" not in answer.url:
            groups[answer.name, answer.audience, answer.method].append(answer)
    telling = []
    for (name, audience, method), answers in groups.items():
        refused = [a for a in answers if a.status == 404 or a.outcome == "sign-in"]
        seen = {(a.status, same(a.body, a.url), same(a.headers.get("location", "").encode(), a.url)) for a in refused}
        if len(seen) > 1:
            telling.append(f"{method} {name} as {audience}")
    assert telling == []


def same(body: bytes, url: str = "") -> bytes:
    """Bytes without what differs from one request to the next: the form's token, the address asked for."""
    body = re.sub(rb'name="csrfmiddlewaretoken" value="\w+"', b"", body)
    return body.replace(url.encode(), b"").replace(quote(url, safe="").encode(), b"") if url else body


def test_dead_links_are_one_page_byte_for_byte(world: World) -> None:
    """Unknown, replaced, expired, malformed, guessed from the public id, of a mere hold: nobody learns which."""
    tokens = ["A" * 16, world.tokens["replaced"], world.tokens["expired"], "x", "A" * 17, world.tokens["A"].swapcase()]
    tokens += [world.tokens["A"][:15], str(world.visits["A"].public_id), str(world.held.public_id), "é" * 16, "0" * 400]
    for rest in ("", "confirm/", "time/", "cancel/", "undo/", "questions/", "messages/", "calendar.ics"):
        pages = {same(world.client("anonymous").get(f"/v/{token}/{rest}").content) for token in tokens}
        assert len(pages) == 1, rest
        answers = {
            same(world.client("anonymous").post(f"/v/{token}/{rest}", {"reason": "x", "slot": "x"}).content) for token in tokens
        }
        assert len(answers) == 1, rest


def test_a_form_without_its_token_is_refused_everywhere(world: World) -> None:
    """Every POST, as everybody who gets anywhere: 403, and nothing happens."""
    through = []
    with undone() as back, remembered():
        for name, row in MATRIX.items():
            for which, url in places(world, name, row):
                if which == "own" and "?" not in url and "machine" not in row:
                    for audience in ("drafting", "patient", "reception", "physician", "lead"):
                        status, writes = ask_raw(world, back, audience, url, csrf=True)
                        if status != 403 or writes:
                            through.append(f"{url} as {audience}: {status} {writes}")
    assert through == []
