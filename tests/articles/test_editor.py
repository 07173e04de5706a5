"""The editor: who comes in, what publishing needs, what it warns about."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts import clock
from accounts.models import User
from articles.models import ArticleIndexPage, ArticlePage
from articles.wagtail_hooks import word_warnings
from articles.words import drugs_in, superlatives_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_second_factor(settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


def edit_form(article: ArticlePage, **changes: str) -> dict[str, str]:
    """What the editor's form posts."""
    stream = {"points": article.points, "body": article.body, "sources": article.sources}
    data = {
        "title": article.title,
        "slug": article.slug,
        "summary": article.summary,
        "topic": article.topic,
        "author": article.author,
        "reviewer": str(article.reviewer_id or ""),
        "reviewed_on": article.reviewed_on.isoformat() if article.reviewed_on else "",
        "invitation_title": article.invitation_title,
        "invitation_text": article.invitation_text,
        "comments-TOTAL_FORMS": "0",
        "comments-INITIAL_FORMS": "0",
        "seo_title": "",
        "search_description": article.search_description,
        "go_live_at": "",
        "expire_at": "",
    }
    for name in stream:
        data[f"{name}-count"] = "0"
    data |= {
        "points-count": "3",
        **{
            f"points-{n}-{key}": value
            for n in range(3)
            for key, value in {"deleted": "", "order": str(n), "type": "point", "value": "A point"}.items()
        },
        "body-count": "1",
        "body-0-deleted": "",
        "body-0-order": "0",
        "body-0-type": "heading",
        "body-0-value": "A heading",
    }
    return data | changes


def test_only_the_clinic_lead_comes_in(client: Client, lead: User) -> None:
    assert client.get("/editor/")["Location"].startswith("/staff/login/")
    for role in ("reception", "physician", "patient"):
        other = User.objects.create_user(f"{role}@example.com", "a long pass phrase", name=role, role=role)
        client.force_login(other)
        for path in ("/editor/", "/editor/pages/", "/editor/users/", "/editor/login/"):
            assert client.get(path).status_code == 404, (role, path)
    client.force_login(lead)
    assert client.get("/editor/").status_code == 200
    pages = client.get("/editor/pages/")
    assert pages.status_code == 200
    policy = pages["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self' 'unsafe-inline'" in policy, "what the editor writes into its pages, and nothing from outside"
    assert "http" not in policy


def test_the_first_page_lists_the_articles_and_where_to_write_one(client: Client, article: ArticlePage, lead: User) -> None:
    ArticlePage.objects.filter(pk=article.pk).update(reviewed_on=clock.today() - timedelta(days=400))
    client.force_login(lead)
    page = client.get("/editor/").content.decode()
    assert f'<a href="/editor/pages/{article.pk}/edit/">{article.title}</a>' in page
    assert page.count("Due for review") == 1
    assert f"/editor/pages/add/articles/articlepage/{article.get_parent().pk}/" in page
    assert '/editor.css"' in page


def test_a_lead_who_gets_another_role_is_out_at_once(client: Client, lead: User) -> None:
    client.force_login(lead)
    assert client.get("/editor/").status_code == 200
    User.objects.filter(pk=lead.pk).update(role="reception")
    assert client.get("/editor/").status_code == 404


def test_the_lead_may_not_manage_people_there(client: Client, lead: User) -> None:
    client.force_login(lead)
    assert client.get("/editor/users/").status_code == 302


@pytest.mark.parametrize(
    ("missing", "says"),
    [("reviewer", "Choose the physician who reviewed this article"), ("reviewed_on", "Give the date of the review")],
)
def test_publishing_without_reviewer_or_date_is_refused_with_a_reason(
    client: Client, article: ArticlePage, lead: User, missing: str, says: str
) -> None:
    client.force_login(lead)
    before = article.live_revision_id
    form = edit_form(article, **{missing: "", "action-publish": "action-publish", "summary": "Changed."})
    response = client.post(f"/editor/pages/{article.pk}/edit/", form)
    assert response.status_code == 200
    assert says in response.content.decode()
    article.refresh_from_db()
    assert article.live_revision_id == before
    assert article.summary != "Changed."


def test_a_draft_may_wait_for_its_reviewer(client: Client, article: ArticlePage, lead: User) -> None:
    client.force_login(lead)
    response = client.post(f"/editor/pages/{article.pk}/edit/", edit_form(article, reviewer="", reviewed_on=""))
    assert response.status_code == 302
    article.refresh_from_db()
    assert article.has_unpublished_changes
    assert article.reviewer_id is not None


def test_a_complete_article_is_published(client: Client, article: ArticlePage, lead: User) -> None:
    client.force_login(lead)
    form = edit_form(article, summary="Changed.", **{"action-publish": "action-publish"})
    assert client.post(f"/editor/pages/{article.pk}/edit/", form).status_code == 302
    assert "Changed." in client.get(article.path_on_site).content.decode()


def test_code_cannot_publish_without_a_reviewer_either(article: ArticlePage) -> None:
    article.reviewer = None
    with pytest.raises(ValidationError):
        article.save()


def test_words_that_promise_or_compare_are_found_and_ordinary_ones_are_not() -> None:
    assert superlatives_in("The best clinic, guaranteed. Results may amaze you!") == ["best", "guaranteed", "results may amaze"]
    assert superlatives_in("Bestow, misleading, procured, accuracy") == []
    assert drugs_in("Ask about Finasteride") == ["finasteride"]


def test_the_editor_warns_about_words_after_saving(client: Client, article: ArticlePage, lead: User) -> None:
    client.force_login(lead)
    form = edit_form(article, summary="A miracle cure.", invitation_title="Ask for dutasteride")
    response = client.post(f"/editor/pages/{article.pk}/edit/", form, follow=True)
    warnings = [str(message) for message in response.context["messages"]]
    assert any("cure, miracle" in text for text in warnings)
    assert any("must not name a drug: dutasteride" in text for text in warnings)
    assert word_warnings(article) == []


def test_an_article_reviewed_a_year_ago_is_due(article: ArticlePage) -> None:
    assert "due for review" not in article.get_admin_display_title()
    article.reviewed_on = clock.today() - timedelta(days=370)
    assert "due for review" in article.get_admin_display_title()


def test_a_copy_gets_a_reference_of_its_own(article: ArticlePage) -> None:
    copy = article.copy(update_attrs={"slug": "a-copy", "title": "A copy"}, keep_live=False)
    assert copy.specific.article_ref != article.article_ref


def test_the_preview_shows_the_draft_with_times(client: Client, article: ArticlePage, lead: User) -> None:
    client.force_login(lead)
    article.summary = "Only in the draft."
    article.save_revision()
    response = client.get(f"/editor/pages/{article.pk}/view_draft/")
    assert response.status_code == 200
    html = response.content.decode()
    assert "Only in the draft." in html
    assert 'class="soon-list"' in html
    assert "tn:card" not in html


def new_form(client: Client, lead: User) -> Any:
    client.force_login(lead)
    return client.get(f"/editor/pages/add/articles/articlepage/{ArticleIndexPage.objects.get().pk}/").context["form"]


def test_a_new_article_has_three_lines_for_its_points(client: Client, lead: User) -> None:
    assert [block.value for block in new_form(client, lead)["points"].value()] == ["", "", ""]


def test_only_physicians_in_the_register_review_an_article(client: Client, lead: User) -> None:
    offered = {who.name for who in new_form(client, lead).fields["reviewer"].queryset}
    assert offered == {"Dr. Lena Marchetti", "Dr. Amara Osei", "Dr. Priya Raman"}


def test_nothing_is_published_without_a_text(client: Client, article: ArticlePage, lead: User) -> None:
    client.force_login(lead)
    form = edit_form(article, **{"body-count": "0"}) | {"action-publish": "1"}
    page = client.post(f"/editor/pages/{article.pk}/edit/", form)
    assert page.status_code == 200, "the form again"
    assert "body" in page.context["form"].errors
