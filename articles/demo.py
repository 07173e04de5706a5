"""The demo's public site."""

from datetime import datetime

from accounts.models import Role, User
from articles import texts
from articles.actions import add_article, create_site, let_edit
from articles.models import ArticlePage
from audit.actor import Actor


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
