"""`/clinic/services/`, `rooms/`, `physicians/`, `details/`: the clinic is set up on screens alone."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts import clock
from accounts.models import Clinic, User
from audit.models import AuditEvent
from booking import calendar
from booking.models import Appointment, Practitioner, Room, Service

SERVICE = {
    "name": "Laser session", "active": "on", "online": "on", "minutes": "40", "step_minutes": "20", "setup_minutes": "5",
    "cleanup_minutes": "10", "min_notice_minutes": "60", "horizon_days": "30", "cancel_cutoff_minutes": "2880",
    "reschedule_cutoff_minutes": "1440", "room_kind": "treatment", "price_text": "$90",
}  # fmt: skip


@pytest.fixture
def lead(clinic: Clinic, lead_user: User, signed_in: Callable[[User], Client]) -> Client:
    """The clinic lead's browser."""
    return signed_in(lead_user)


def text(answer: Any) -> str:
    return answer.content.decode()


def test_a_visit_type_is_made_and_can_be_booked(lead: Client, practitioner: Practitioner, room: Room) -> None:
    assert lead.post("/clinic/services/new/", SERVICE | {"practitioners": [practitioner.pk]}).status_code == 303
    made = Service.objects.get()
    assert (made.slug, made.cancel_cutoff_minutes, made.reschedule_cutoff_minutes, made.online) == (
        "laser-session",
        2880,
        1440,
        True,
    )
    today = clock.today()
    found = calendar.openings(made, since=today, until=today + timedelta(days=14), now=clock.now())
    assert {s.room_id for s in found} == {room.pk}
    practitioner.refresh_from_db()
    assert practitioner.calendar_rev == 1
    page = text(lead.get("/clinic/services/"))
    assert "Laser session" in page
    assert "40 minutes" in page


def test_a_change_says_which_fields_and_nothing_changed_says_nothing(
    lead: Client, service: Service, practitioner: Practitioner
) -> None:
    url = f"/clinic/services/{service.public_id}/"
    form = SERVICE | {"name": service.name, "practitioners": [practitioner.pk], "room_kind": ""}
    lead.post(url, form)
    lead.post(url, form)
    (event,) = AuditEvent.objects.filter(action="booking.save_service")
    assert "minutes" in event.detail["fields"]
    assert "name" not in event.detail["fields"]


def test_who_is_away_for_good_or_for_a_while_still_does_it_when_they_are_back(
    lead: Client, service: Service, practitioner: Practitioner
) -> None:
    """They are not in the form, which lists who can be booked: what it saves is not about them."""
    away = Practitioner.objects.create(name="Dr. Ana Marchetti", short_name="Dr. Marchetti", slug="marchetti", active=False)
    service.practitioners.add(away)
    form = SERVICE | {"name": "First visit", "practitioners": [practitioner.pk], "room_kind": ""}
    assert lead.post(f"/clinic/services/{service.public_id}/", form).status_code == 303
    assert set(service.practitioners.all()) == {practitioner, away}
    lead.post(f"/clinic/services/{service.public_id}/", form | {"practitioners": []})
    assert set(service.practitioners.all()) == {away}


def test_booked_visits_keep_their_length(lead: Client, appointment: Appointment, practitioner: Practitioner) -> None:
    form = SERVICE | {"minutes": "60", "room_kind": "", "practitioners": [practitioner.pk]}
    lead.post(f"/clinic/services/{appointment.service.public_id}/", form)
    appointment.refresh_from_db()
    assert (appointment.service.minutes, appointment.minutes) == (60, 30)


@pytest.mark.parametrize(
    "fields",
    [{"name": ""}, {"minutes": "3"}, {"minutes": "x"}, {"step_minutes": "0"}, {"room_kind": "sauna"}, {"horizon_days": ""}],
)
def test_a_visit_type_that_cannot_be_is_refused_with_what_was_typed(lead: Client, room: Room, fields: dict[str, str]) -> None:
    answer = lead.post("/clinic/services/new/", SERVICE | fields)
    assert answer.status_code == 422
    assert 'value="$90"' in text(answer)
    assert not Service.objects.exists()


def test_rooms_are_added_renamed_and_taken_out_of_use(lead: Client, room: Room) -> None:
    assert lead.post("/clinic/rooms/", {"room": "", "name": "Laser", "kind": "laser", "active": "on"}).status_code == 303
    assert lead.post("/clinic/rooms/", {"room": room.pk, "name": "Quiet room", "kind": "consult"}).status_code == 303
    assert set(Room.objects.values_list("name", "kind", "active")) == {("Laser", "laser", True), ("Quiet room", "consult", False)}
    assert lead.post("/clinic/rooms/", {"room": "", "name": "Laser", "kind": "x"}).status_code == 409
    assert lead.post("/clinic/rooms/", {"room": "", "name": "", "kind": "two words"}).status_code == 422
    assert lead.post("/clinic/rooms/", {"room": "999", "name": "A", "kind": "x"}).status_code == 404
    made_up = {"room": "", "name": "Blue", "kind": "x", "active": "on", "seen": "0123456789abcdef"}
    assert lead.post("/clinic/rooms/", made_up).status_code == 303


def test_somebody_new_is_added_and_then_given_hours(lead: Client, make_user: Any) -> None:
    user = make_user("physician", "Dr. Noor Aziz")
    form = {"name": "Dr. Noor Aziz", "short_name": "Dr. Aziz", "position": "0", "active": "on", "user": user.pk}
    assert lead.post("/clinic/physicians/new/", form)["Location"] == "/desk/availability/dr-noor-aziz/"
    assert Practitioner.objects.get().user == user
    again = lead.post("/clinic/physicians/new/", form | {"name": "Dr. Ali Aziz"})
    assert again.status_code == 422, "the sign-in is somebody else's"


def test_who_leaves_cannot_be_booked_and_their_visits_are_counted(lead: Client, appointment: Appointment) -> None:
    who = appointment.practitioner
    form = {"name": who.name, "short_name": who.short_name, "position": "0"}
    page = text(lead.post(f"/clinic/physicians/{who.slug}/", form, follow=True))
    assert "Visits still booked with them: 1." in page
    assert calendar.soonest(appointment.service, now=clock.now()) == []


def test_clinic_details_are_changed(lead: Client, clinic: Clinic) -> None:
    page = lead.get("/clinic/details/")
    form = {name: value for name, value in page.context["form"].initial.items() if value is not False and value is not None}
    assert lead.post("/clinic/details/", form | {"late_fee_text": "$75", "zone": "America/Vancouver"}).status_code == 303
    clinic.refresh_from_db()
    assert (clinic.late_fee_text, clinic.zone) == ("$75", "America/Vancouver")
    assert lead.post("/clinic/details/", form | {"zone": "Mars/Base"}).status_code == 422


def test_the_zone_rules_in_use_are_named(lead: Client) -> None:
    assert "Time-zone rules: 20" in text(lead.get("/clinic/"))


def seen_in(answer: Any) -> str:
    """The mark that a page's first form with one carries."""
    return re.findall(r'name="seen" value="(\w+)"', text(answer))[0]


def test_a_visit_type_that_somebody_changed_meanwhile_is_not_overwritten_and_nothing_typed_is_lost(
    lead: Client, service: Service, practitioner: Practitioner
) -> None:
    url = f"/clinic/services/{service.public_id}/"
    form = SERVICE | {"name": service.name, "practitioners": [practitioner.pk], "room_kind": "", "seen": seen_in(lead.get(url))}
    assert lead.post(url, form | {"minutes": "45"}).status_code == 303
    refused = lead.post(url, form | {"price_text": "$95"})
    assert refused.status_code == 409
    page = text(refused)
    assert "Lena Marchetti changed this meanwhile" in page
    assert "Length, minutes: <b>45</b>" in page
    assert "Name:" not in page.split("Saved now is")[1].split("</ul>")[0], "only what differs"
    assert 'value="$95"' in page
    service.refresh_from_db()
    assert service.minutes == 45
    assert lead.post(url, form | {"price_text": "$95", "seen": seen_in(refused)}).status_code == 303
    service.refresh_from_db()
    assert (service.minutes, service.price_text) == (40, "$95"), "the second press is a yes"


def test_so_it_is_with_rooms_physicians_and_the_clinic(lead: Client, room: Room, practitioner: Practitioner) -> None:
    clinic = {n: v for n, v in lead.get("/clinic/details/").context["form"].initial.items() if v is not False and v is not None}
    who = {"name": practitioner.name, "short_name": practitioner.short_name, "position": "0", "active": "on"}
    for url, form, one, two in (
        ("/clinic/rooms/", {"room": room.pk, "kind": "treatment", "active": "on"}, {"name": "Blue"}, {"name": "Green"}),
        (f"/clinic/physicians/{practitioner.slug}/", who, {"languages": "French"}, {"languages": "Dutch"}),
        ("/clinic/details/", clinic, {"late_fee_text": "$60"}, {"late_fee_text": "$70"}),
    ):
        form |= {"seen": seen_in(lead.get(url))}
        assert lead.post(url, form | one).status_code == 303
        refused = lead.post(url, form | two)
        (first,), (second,) = one.values(), two.values()
        assert (refused.status_code, f"<b>{first}</b>" in text(refused), f'value="{second}"' in text(refused)) == (
            409,
            True,
            True,
        )


def test_what_somebody_does_is_chosen_where_they_are_added_and_the_invitation_knows_them(lead: Client, service: Service) -> None:
    form = {"name": "Dr. Noor Aziz", "short_name": "Dr. Aziz", "position": "0", "active": "on", "services": [service.pk]}
    lead.post("/clinic/physicians/new/", form)
    who = Practitioner.objects.get(slug="dr-noor-aziz")
    assert list(who.services.all()) == [service]
    assert "?for=dr-noor-aziz#new" in text(lead.get("/clinic/physicians/"))
    asked = lead.get("/clinic/people/?for=dr-noor-aziz").context["form"]
    assert (asked["name"].value(), asked["role"].value(), asked["practitioner"].value()) == (who.name, "physician", who.pk)
    lead.post("/clinic/physicians/dr-noor-aziz/", form | {"services": []})
    assert list(who.services.all()) == []
