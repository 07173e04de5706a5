"""An article that is to begin, or end, later does so, at the time that was typed on the clinic's clock."""

from datetime import date, time, timedelta

import pytest
import time_machine
from django.test import Client

from accounts import clock
from accounts.models import User
from articles.models import ArticlePage
from articles.tasks import keep_schedule
from audit.models import AuditEvent
from tests.articles.test_editor import edit_form

pytestmark = pytest.mark.django_db
DAY = date.today() + timedelta(days=40)  # noqa: DTZ011 (any day to come)


@pytest.fixture(autouse=True)
def _no_second_factor(settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


def nine() -> object:
    return clock.instant(DAY, time(9), clock.clinic_zone())


def schedule(client: Client, article: ArticlePage, lead: User, **when: str) -> None:
    """What the lead types into the editor and publishes."""
    client.force_login(lead)
    form = edit_form(article, summary="Changed.", **when, **{"action-publish": "action-publish"})
    assert client.post(f"/editor/pages/{article.pk}/edit/", form).status_code == 302
    client.logout()


def seen_at(client: Client, article: ArticlePage, at: object) -> str:
    with time_machine.travel(at, tick=False):
        keep_schedule()
        answer = client.get(article.path_on_site)
    return answer.content.decode() if answer.status_code == 200 else str(answer.status_code)


def test_a_change_for_later_is_public_from_the_minute_that_was_typed(client: Client, article: ArticlePage, lead: User) -> None:
    schedule(client, article, lead, go_live_at=f"{DAY} 09:00")
    assert "Changed." not in seen_at(client, article, nine() - timedelta(minutes=1))
    assert "Changed." in seen_at(client, article, nine() + timedelta(minutes=1))
    events = AuditEvent.objects.filter(action="articles.published", detail__article=str(article.article_ref), at__gte=nine())
    assert events.count() == 1


def test_what_was_to_end_is_not_public_any_more(client: Client, article: ArticlePage, lead: User) -> None:
    schedule(client, article, lead, expire_at=f"{DAY} 09:00")
    assert "Changed." in seen_at(client, article, nine() - timedelta(minutes=1))
    assert seen_at(client, article, nine() + timedelta(minutes=1)) == "404"
    assert AuditEvent.objects.get(action="articles.taken_down").detail == {"page": article.pk}
    keep_schedule()
    assert AuditEvent.objects.filter(action="articles.taken_down").count() == 1
