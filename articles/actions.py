"""Verbs of the public site."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from wagtail.models import GroupPagePermission, Page, Revision, Site

from accounts import clock
from accounts.models import Role, User
from articles import models, texts
from audit.actions import record
from audit.actor import Actor
from booking.models import Practitioner

EDITORS = "Editors of the public site"
_PAGE_RIGHTS = ("add_page", "change_page", "publish_page")


def _add(parent: Page, page: Page, now: datetime) -> Page:
    """Add a live page."""
    page.first_published_at = page.last_published_at = now
    parent.add_child(instance=page)
    return page


def create_site(*, by: Actor, now: datetime) -> list[Page]:
    """The pages every clinic needs: home, articles, physicians, fees, contact, privacy and so on. Only what is missing.

    Texts that exist are left as the editor wrote them. Returns the pages that were made.
    """
    made: list[Page] = []
    with transaction.atomic():
        home = models.HomePage.objects.first()
        if home is None:
            root = Page.objects.get(depth=1)
            # Wagtail's own "Welcome" page sits on the address we need.
            for page in root.get_children().filter(slug="home"):
                page.slug = "welcome-old"
                page.save(clean=False)
            home = _add(root, models.HomePage(slug="home", show_in_menus=False, **texts.HOME), now)
            Site.objects.update_or_create(
                is_default_site=True,
                defaults={"root_page": home, "hostname": "localhost", "port": 80, "site_name": "True North"},
            )
            root.get_children().filter(slug="welcome-old").delete()
            made.append(home)
        if not home.get_children().filter(slug="articles").exists():
            made.append(_add(home, models.ArticleIndexPage(slug="articles", **texts.INDEX), now))
        for model, slug, title, intro, body, more in texts.PAGES:
            if not home.get_children().filter(slug=slug).exists():
                page = getattr(models, model)(slug=slug, title=title, intro=intro, body=json.dumps(body), **more)
                made.append(_add(home, page, now))
        editors_group()
        if made:
            record("articles.site_created", by=by, now=now, detail={"pages": len(made)})
    return made


def add_article(content: dict[str, Any], *, by: Actor, now: datetime) -> models.ArticlePage | None:
    """Publish one article from `texts.ARTICLES`; None when its address is taken or nobody can have reviewed it.

    `days_ago` in the content is how long before `now` the review was.
    """
    parent = models.ArticleIndexPage.objects.get()
    reviewer = Practitioner.objects.filter(slug=content["reviewer"]).first() or Practitioner.objects.filter(active=True).first()
    if reviewer is None or parent.get_children().filter(slug=content["slug"]).exists():
        return None
    page = models.ArticlePage(
        slug=content["slug"],
        title=content["title"],
        topic=content["topic"],
        author=content["author"],
        reviewer=reviewer,
        reviewed_on=clock.today(now) - timedelta(days=content["days_ago"]),
        summary=content["summary"],
        search_description=content["search_description"],
        points=json.dumps([{"type": "point", "value": text} for text in content["points"]]),
        body=json.dumps(content["body"]),
        sources=json.dumps([{"type": "source", "value": {"text": text, "url": url}} for text, url in content["sources"]]),
    )
    with transaction.atomic():
        _add(parent, page, now)
        record("articles.published", by=by, now=now, detail={"article": str(page.article_ref)})
    return page


def keep_schedule(*, by: Actor, now: datetime) -> int:
    """Take down the pages that an editor let end by now, and publish the changes that were to begin. Returns how many.

    Each in a transaction of its own. A page that was taken down, or a change that is public, is not looked at again.
    """
    ended = list(Page.objects.filter(live=True, expire_at__lte=now).order_by("expire_at"))
    begun = list(Revision.page_revisions.filter(approved_go_live_at__lte=now).order_by("approved_go_live_at"))
    for page in ended:
        with transaction.atomic():
            page.unpublish(set_expired=True, log_action="wagtail.unpublish.scheduled")
            record("articles.taken_down", by=by, now=now, detail={"page": page.pk})
    for revision in begun:
        with transaction.atomic():
            page = revision.as_object()
            revision.publish(log_action="wagtail.publish.scheduled")
            about = {"article": str(page.article_ref)} if isinstance(page, models.ArticlePage) else {"page": page.pk}
            record("articles.published", by=by, now=now, detail=about)
    return len(ended) + len(begun)


def editors_group() -> Group:
    """The group that may use the editor: pages and images, no users, no settings. Created when missing."""
    group, _new = Group.objects.get_or_create(name=EDITORS)
    # Wagtail makes the right to enter the editor after the migrations; made here if we come first.
    admin, _made = ContentType.objects.get_or_create(app_label="wagtailadmin", model="admin")
    access, _made = Permission.objects.get_or_create(
        content_type=admin, codename="access_admin", defaults={"name": "Can access Wagtail admin"}
    )
    group.permissions.add(access)
    root = Page.objects.get(depth=1)
    for codename in _PAGE_RIGHTS:
        right = Permission.objects.filter(content_type__app_label="wagtailcore", codename=codename).first()
        if right is not None:
            GroupPagePermission.objects.get_or_create(group=group, page=root, permission=right)
    return group


def let_edit(user: User, *, by: Actor, now: datetime) -> bool:
    """Give a clinic lead the editor, and take it from everybody else. True when something changed."""
    wanted = user.is_active and user.role == Role.LEAD
    member = user.groups.filter(name=EDITORS).exists()
    if wanted == member:
        return False
    with transaction.atomic():
        if wanted:
            user.groups.add(editors_group())
        else:
            user.groups.remove(*user.groups.filter(name=EDITORS))
        record("articles.editor_rights", by=by, now=now, detail={"user": user.pk, "may_edit": wanted})
    return True
