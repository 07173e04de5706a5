"""The demo's public site."""

from datetime import datetime

from django.db.models import F

from accounts.models import Role, User
from articles import texts
from articles.actions import add_article, create_site, let_edit
from articles.models import ArticlePage
from audit.actor import Actor
from booking.models import Appointment


def load(now: datetime) -> list[ArticlePage]:
    """The site, the three articles, and the editor for the clinic lead. Running it again changes nothing.

    Returns the articles that were added.
    """
    by = Actor.system()
    create_site(by=by, now=now)
    added = [page for content in texts.ARTICLES if (page := add_article(content, by=by, now=now))]
    for user in User.objects.filter(role=Role.LEAD):
        let_edit(user, by=by, now=now)
    return added


def came_from() -> None:
    """Two of five who booked online had read an article first, most of them the first."""
    refs = list(ArticlePage.objects.order_by("path").values_list("article_ref", flat=True))
    by_rest = Appointment.objects.visits().filter(source=Appointment.Source.WEB, article=None).alias(rest=F("pk") % 20)
    for ref, rests in zip(refs, ((0, 1, 2, 3), (4, 5), (6, 7)), strict=False):
        by_rest.filter(rest__in=rests).update(article=ref)
