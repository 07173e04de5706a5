"""A sign-in form that cannot be taken says so as every other form does: 422, our words, what was typed still there."""

import re
from typing import Any

import pytest
from django import forms
from django.test import Client

from accounts.models import User
from accounts.templatetags import ui

pytestmark = pytest.mark.usefixtures("clinic")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "Fill this in"),
        ({"login": "joanne", "password": "x"}, "Enter an email address, like name@example.com"),
        ({"login": "a\0b", "password": "x"}, "This holds characters that we cannot keep. Type it again"),
        ({"login": "a" * 400 + "@tn.example", "password": "x"}, "Use 320 characters or fewer"),
    ],
    ids=["empty", "wrong", "hostile", "long"],
)
def test_a_sign_in_that_cannot_be_read_is_refused_beside_the_field(typed: dict[str, str], said: str) -> None:
    answer = Client().post("/staff/login/", typed)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert f"</span>{said}</span></p>" in page
    assert page.count('aria-invalid="true"') >= 1
    assert ">Password: Fill this in</a>" in page or typed
    assert f'value="{typed.get("login", "")}"' in page or not typed


def test_two_errors_that_say_the_same_are_told_apart_at_the_top() -> None:
    class Plain(forms.Form):
        first = forms.IntegerField()
        last = forms.IntegerField()
        only = forms.DateField()
        why = forms.ChoiceField(label="Why?", choices=[("a", "A")])
        key = forms.JSONField(widget=forms.HiddenInput)

    html = str(ui.errors(Plain({"first": "z", "last": "z", "only": "z", "why": "z"})))
    assert re.findall(r">([^<]+)</a>", html) == [
        "First: Enter a whole number", "Last: Enter a whole number", "Enter a date that is in the calendar, like 2027-03-12",
        "Why? Choose one of the answers shown",
    ]  # fmt: skip
    assert "<span>That did not arrive whole. Try again</span>" in html


def test_a_wrong_password_is_a_refusal_too(reception: User) -> None:
    assert Client().post("/staff/login/", {"login": reception.email, "password": "wrong wrong wrong"}).status_code == 422


def test_too_many_tries_are_told_on_a_page_of_ours(reception: User, signed_in: Any, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"change_password": "1/m/user"}
    client = signed_in(reception)
    client.post("/staff/password/change/", {})
    answer = client.post("/staff/password/change/", {})
    assert answer.status_code == 429
    assert "<h1>Too many tries</h1>" in answer.content.decode()


def test_no_field_speaks_as_django_does() -> None:
    class Plain(forms.Form):
        name = forms.CharField()
        kind = forms.ChoiceField(choices=[("a", "A")])
        kinds = forms.MultipleChoiceField(choices=[("a", "A")])
        day = forms.DateField()
        at = forms.TimeField()
        number = forms.IntegerField(max_value=9)
        more = forms.IntegerField(min_value=9)
        email = forms.EmailField()
        short = forms.CharField(max_length=2)

    empty = Plain({}).errors
    assert {name: str(texts[0]) for name, texts in empty.items()} == dict.fromkeys(Plain.base_fields, "Fill this in") | {
        "kind": "Choose one", "kinds": "Choose at least one",
    }  # fmt: skip
    wrong = Plain({
        "name": "a\0", "kind": "z", "kinds": ["z"], "day": "z", "at": "z", "number": "10", "more": "z", "email": "z", "short": "zzz",
    }).errors  # fmt: skip
    assert {name: str(texts[0]) for name, texts in wrong.items()} == {
        "name": "This holds characters that we cannot keep. Type it again",
        "kind": "Choose one of the answers shown",
        "kinds": "Choose one of the answers shown",
        "day": "Enter a date that is in the calendar, like 2027-03-12",
        "at": "Enter a time, like 09:30",
        "number": "Enter 9 or less",
        "more": "Enter a whole number",
        "email": "Enter an email address, like name@example.com",
        "short": "Use 2 characters or fewer",
    }
