"""What we change in the editor: words to think about, a shorter menu, the articles on its first page, the clinic's colours."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from wagtail import hooks
from wagtail.admin.ui.components import Component
from wagtail.models import Page

from accounts import clock
from accounts.errors import not_ready
from articles.models import ArticleIndexPage, ArticlePage
from articles.words import drugs_in, superlatives_in

_MENU = {"explorer", "reports", "help"}


def word_warnings(article: ArticlePage) -> list[str]:
    """What an editor should look at before the public does."""
    warnings = []
    if words := superlatives_in(article.all_text()):
        warnings.append(
            _("Physicians' advertising may not promise or compare. Think again about: %(words)s.") % {"words": ", ".join(words)}
        )
    if drugs := drugs_in(f"{article.invitation_title} {article.invitation_text}"):
        warnings.append(_("The invitation to book must not name a drug: %(words)s.") % {"words": ", ".join(drugs)})
    return warnings


@hooks.register("after_create_page")
@hooks.register("after_edit_page")
def warn_about_words(request: HttpRequest, page: Page) -> None:
    """Show the warnings after a save. A person decides; nothing is refused."""
    latest = page.get_latest_revision_as_object() if isinstance(page, ArticlePage) else None
    if isinstance(latest, ArticlePage):
        for text in word_warnings(latest):
            messages.warning(request, text)


@hooks.register("before_serve_page")
def not_set_up(page: Page, request: HttpRequest, *args: Any) -> HttpResponse | None:
    """Until the clinic is set up, the address of the home page holds Wagtail's own: nobody has to see that."""
    return not_ready(request, set_up=False) if type(page.specific) is Page else None


@hooks.register("construct_main_menu")
def short_menu(request: HttpRequest, menu_items: list[Any]) -> None:
    """Pages, reports, help: nothing else is used here."""
    menu_items[:] = [item for item in menu_items if item.name in _MENU]


class ArticlesPanel(Component):
    """The articles, with who reviewed them and when; and where a new one is written."""

    order = 50
    template_name = "wagtailadmin/articles_panel.html"

    def get_context_data(self, parent_context: Any) -> dict[str, Any]:
        """The newest review first; what is due for another is marked."""
        today, index = clock.today(), ArticleIndexPage.objects.first()
        articles = ArticlePage.objects.select_related("reviewer").order_by("-reviewed_on", "title")
        return {
            "articles": [(article, article.due_for_review(today)) for article in articles],
            "add_url": reverse("wagtailadmin_pages:add", args=["articles", "articlepage", index.pk]) if index else "",
            "all_url": reverse("wagtailadmin_explore", args=[index.pk]) if index else "",
        }


@hooks.register("construct_homepage_panels")
def articles_first(request: HttpRequest, panels: list[Any]) -> None:
    """Who comes to write sees what there is."""
    panels.append(ArticlesPanel())


@hooks.register("insert_global_admin_css")
def own_colours() -> SafeString:
    """The editor belongs to the clinic, too."""
    return format_html('<link rel="stylesheet" href="{}">', static("editor.css"))
