"""`/clinic/people/`: somebody new is invited, gets another role, and is out again, without a command."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client

from accounts import clock
from accounts.models import SignInMail, User
from audit.models import AuditEvent
from booking.models import Practitioner
from tests.factories import proven
from tests.notifications.conftest import Post, go, post  # noqa: F401

URL = "/clinic/people/"
NEW = {"name": "Noor Aziz", "email": "Noor@tn.example", "role": "reception"}


@pytest.fixture
def lead(lead_user: User, signed_in: Callable[[User], Client], clinic: object) -> Client:
    return proven(signed_in(lead_user))


@pytest.fixture
def noor(lead: Client) -> User:
    assert lead.post(URL, NEW).status_code == 303
    return User.objects.get(email="noor@tn.example")


def test_somebody_is_invited_by_a_mail_whose_link_sets_the_password(lead: Client, noor: User, post: Post, client: Client) -> None:  # noqa: F811
    assert (noor.role, noor.has_usable_password()) == ("reception", False)
    assert "invited, no password chosen yet" in lead.get(URL).content.decode()
    go(clock.now())
    assert post.subjects == ["True North: your sign-in"]
    link = re.search(r"https://tn\.example(/\S+)", post.mails[0].get_body(("plain",)).get_content())  # type: ignore[union-attr]
    assert link
    page = client.get(link[1], follow=True)
    chosen = {"password1": "a long and quiet river", "password2": "a long and quiet river"}
    assert client.post(page.redirect_chain[-1][0], chosen).status_code == 302
    noor.refresh_from_db()
    assert noor.check_password("a long and quiet river")
    assert [e.action for e in AuditEvent.objects.filter(object_type="accounts.user", object_id=noor.pk).order_by("pk")][:2] == [
        "accounts.staff_created", "accounts.invited",
    ]  # fmt: skip


def test_a_physician_is_given_their_calendar(lead: Client, practitioner: Practitioner) -> None:
    form = NEW | {"role": "physician", "practitioner": practitioner.pk}
    assert lead.post(URL, form).status_code == 303
    practitioner.refresh_from_db()
    assert practitioner.user is not None
    assert practitioner.user.email == "noor@tn.example"


@pytest.mark.parametrize(
    ("change", "says", "status"),
    [
        ({"email": "noor"}, "Enter an email address", 422),
        ({"name": ""}, "Give the name", 422),
        ({"role": "owner"}, "Choose a role", 422),
        ({"email": "miller@tn.example"}, "belongs to Joanne Miller", 409),
    ],
)
def test_what_cannot_be_is_said_and_what_was_typed_stays(
    lead: Client, reception: User, change: dict[str, Any], says: str, status: int
) -> None:
    answer = lead.post(URL, NEW | change)
    assert answer.status_code == status
    page = answer.content.decode()
    assert says in page
    assert "Noor" in page
    assert User.objects.filter(email="noor@tn.example").count() == 0


def test_the_invitation_is_sent_again_until_there_is_a_password(lead: Client, noor: User) -> None:
    lead.post(f"{URL}{noor.pk}/", {"do": "invite"})
    assert SignInMail.objects.filter(user=noor, kind="invited").count() == 2
    noor.set_password("a long and quiet river")
    noor.save()
    lead.post(f"{URL}{noor.pk}/", {"do": "invite"})
    assert SignInMail.objects.filter(user=noor, kind="invited").count() == 2
    assert "has a password already" in lead.get(URL).content.decode()


def test_another_role_counts_from_the_next_request_on(lead: Client, reception: User, signed_in: Callable[[User], Client]) -> None:
    theirs = signed_in(reception)
    assert theirs.get("/clinic/").status_code == 404
    lead.post(f"{URL}{reception.pk}/", {"role": "lead"})
    assert theirs.get("/clinic/").status_code == 200
    event = AuditEvent.objects.get(action="accounts.role_changed")
    assert event.detail == {"from": "reception", "to": "lead"}


def test_nobody_takes_the_last_lead_away_nor_changes_their_own_role(lead: Client, lead_user: User) -> None:
    lead.post(f"{URL}{lead_user.pk}/", {"role": "reception"})
    lead_user.refresh_from_db()
    assert lead_user.role == "lead"
    assert "cannot change your own role" in lead.get(URL).content.decode()


@pytest.mark.parametrize("posted", [{"role": "lead"}, {"do": "reset"}])
def test_whoever_finds_the_screen_open_gives_nobody_access(
    lead_user: User, reception: User, signed_in: Callable[[User], Client], clinic: object, posted: dict[str, str]
) -> None:
    TOTP.activate(reception, "JBSWY3DPEHPK3PXP")
    lead = signed_in(lead_user)
    answer = lead.post(f"{URL}{reception.pk}/", posted)
    assert answer["Location"] == "/staff/reauthenticate/?next=%2Fclinic%2Fpeople%2F%3Fagain%3D1"
    reception.refresh_from_db()
    assert (reception.role, reception.authenticator_set.count()) == ("reception", 1)
    assert "press the button once more" in lead.get(f"{URL}?again=1").content.decode()
    proven(lead).post(f"{URL}{reception.pk}/", posted)
    reception.refresh_from_db()
    assert (reception.role, reception.authenticator_set.count()) != ("reception", 1)


def test_an_invitation_waits_for_the_password_with_what_was_typed(
    lead_user: User, signed_in: Callable[[User], Client], clinic: object
) -> None:
    lead = signed_in(lead_user)
    assert lead.post(URL, NEW)["Location"].startswith("/staff/reauthenticate/")
    assert not User.objects.filter(email="noor@tn.example").exists()
    page = proven(lead).get(f"{URL}?again=1").content.decode()
    assert 'value="Noor Aziz"' in page and 'value="Noor@tn.example"' in page
    assert "Noor" not in lead.get(URL).content.decode(), "once"
    assert lead.post(URL, NEW)["Location"] == URL
    assert User.objects.filter(email="noor@tn.example").exists()


def test_a_leaver_is_sent_away_without_more_ado(
    lead_user: User, reception: User, signed_in: Callable[[User], Client], clinic: object
) -> None:
    signed_in(lead_user).post(f"{URL}{reception.pk}/", {"do": "end"})
    reception.refresh_from_db()
    assert not reception.is_active


def test_ended_twice_it_says_so(lead: Client, reception: User) -> None:
    lead.post(f"/clinic/people/{reception.pk}/", {"do": "end"})
    for do in ("end", "invite", "reset"):
        again = lead.post(f"/clinic/people/{reception.pk}/", {"do": do}, follow=True)
        assert "has no access." in again.content.decode()
    assert AuditEvent.objects.filter(action="accounts.access_ended").count() == 1


def test_who_was_sent_away_by_mistake_or_returns_gets_their_access_back_by_invitation(
    lead: Client,
    reception: User,
    signed_in: Callable[[User], Client],
    post: Post,  # noqa: F811
) -> None:
    theirs = signed_in(reception)
    lead.post(f"{URL}{reception.pk}/", {"do": "end"})
    assert "Give access back" in lead.get(URL).content.decode()
    for said in ("gets a mail with a link", "has a sign-in already."):
        assert said in lead.post(f"{URL}{reception.pk}/", {"do": "back"}, follow=True).content.decode()
    reception.refresh_from_db()
    assert (reception.is_active, reception.has_usable_password(), reception.role) == (True, False, "reception")
    assert theirs.get("/desk/").status_code == 302
    go(clock.now())
    assert post.subjects == ["True North: your sign-in"]
    assert AuditEvent.objects.filter(action="accounts.access_given_back").count() == 1


def test_giving_access_back_wants_a_fresh_proof(
    lead_user: User, reception: User, signed_in: Callable[[User], Client], clinic: object
) -> None:
    client = signed_in(lead_user)
    client.post(f"{URL}{reception.pk}/", {"do": "end"})
    client.post(f"{URL}{reception.pk}/", {"do": "back"})
    reception.refresh_from_db()
    assert not reception.is_active
