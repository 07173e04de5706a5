"""A short piece of `make fuzz`, so that it never rots; and that it would see an error."""

import random

import pytest

from accounts import limits
from tests import fuzz_forms
from tests.access.conftest import quiet
from tests.access.world import World


def test_a_hundred_spoiled_forms_break_nothing(world: World) -> None:
    with quiet():
        result = fuzz_forms.run(world, n=100, seed=20270210)
    assert (result.errors, result.changed) == ({}, {})
    assert result.requests == 100
    assert result.answers[422] > 16  # most get as far as being read


def test_an_error_is_counted_and_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "hit", lambda *a, **k: 1 / 0)
    form = fuzz_forms.Form(
        "", "post", [fuzz_forms.Control("login", "text", "a@b.example"), fuzz_forms.Control("password", "text", "x")]
    )
    case = fuzz_forms.Case("anonymous", "/book/lost-link/", form)
    form.controls.append(fuzz_forms.Control("address", "text", "a@b.example"))
    sent = [fuzz_forms.send(world, case, fuzz_forms.Pool(world), random.Random(n)) for n in range(12)]
    assert any(status == 500 and "ZeroDivisionError" in broke for status, broke, *_rest in sent)
