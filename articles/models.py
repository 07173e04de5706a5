"""The public site: pages that the clinic's editor writes."""

import math
import uuid
from datetime import date
from typing import Any, ClassVar

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from wagtail import blocks
from wagtail.admin.forms import WagtailAdminPageForm
from wagtail.admin.panels import FieldPanel, MultiFieldPanel
from wagtail.fields import StreamField
from wagtail.models import Page
from wagtail.search import index

from accounts import clock
from articles import structured
from articles.blocks import BodyBlock, SourcesBlock, plain_text
from booking.models import Practitioner, Service

WORDS_PER_MINUTE = 200
REVIEW_MONTHS = 12
_CHOOSE_REVIEWER = _("Choose the physician who reviewed this article")
_GIVE_DATE = _("Give the date of the review")


class SitePage(Page):
    """What all our pages have in common: they are public, and their template knows which tab is current."""

    section = ""
    private_page_options: ClassVar[list[str]] = []

    class Meta:
        abstract = True

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The page, its tab, and what search engines and other sites show of it."""
        context = super().get_context(request, *args, **kwargs)
        context["section"] = self.section or self.slug
        context["headline"] = self.seo_title or self.title
        context["description"] = self.search_description or self.first_lines
        context["canonical"] = structured.address_of(self.url_path)
        context["facts"] = self.facts()
        return context

    @property
    def first_lines(self) -> str:
        """What describes the page where the editor wrote no description for search engines."""
        return getattr(self, "intro", "")

    def facts(self) -> dict[str, Any]:
        """What the page is about, for search engines; nothing, for most."""
        return {}


class HomePage(SitePage):
    """The front door."""

    lede = models.TextField(max_length=300, verbose_name=_("First lines"))

    template = "articles/home.html"
    section = "home"
    max_count = 1
    parent_page_types: ClassVar[list[str]] = ["wagtailcore.Page"]
    content_panels: ClassVar[list[Any]] = [*Page.content_panels, FieldPanel("lede")]

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Adds the physicians, three articles and the soonest openings."""
        from articles.openings import soonest

        context = super().get_context(request, *args, **kwargs)
        context["physicians"] = Practitioner.objects.on_site()
        context["articles"] = ArticlePage.objects.live().select_related("reviewer").order_by("-reviewed_on", "title")[:3]
        context["soonest"] = soonest(clock.now())
        return context

    @property
    def first_lines(self) -> str:
        return self.lede

    def facts(self) -> dict[str, Any]:
        return structured.clinic_facts()


class BodyPage(SitePage):
    """A page with a first line and a text."""

    intro = models.TextField(max_length=400, blank=True, verbose_name=_("First lines"))
    body = StreamField(BodyBlock(), blank=True, verbose_name=_("Text"))

    content_panels: ClassVar[list[Any]] = [*Page.content_panels, FieldPanel("intro"), FieldPanel("body")]
    parent_page_types: ClassVar[list[str]] = ["articles.HomePage"]
    subpage_types: ClassVar[list[str]] = []

    class Meta:
        abstract = True


class StandardPage(BodyPage):
    """Privacy, disclaimer, your first visit, treatments."""

    template = "articles/standard_page.html"
    show_booking = models.BooleanField(default=False, verbose_name=_("Ends with the invitation to book"))
    content_panels: ClassVar[list[Any]] = [*BodyPage.content_panels, FieldPanel("show_booking")]


class ContactPage(BodyPage):
    """Phone first, then where and when."""

    template = "articles/contact_page.html"
    max_count = 1

    def facts(self) -> dict[str, Any]:
        return structured.clinic_facts()


class FeesPage(BodyPage):
    """What things cost: the table comes from the services themselves."""

    template = "articles/fees_page.html"
    max_count = 1

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Adds the services that have a price."""
        context = super().get_context(request, *args, **kwargs)
        context["services"] = Service.objects.filter(active=True).exclude(price_text="")
        return context


class AccessibilityPage(BodyPage):
    """How to use this site your way, and how to tell us what does not work."""

    template = "articles/accessibility_page.html"
    max_count = 1


class PhysiciansPage(BodyPage):
    """Who works here, with their register number and their soonest times."""

    template = "articles/physicians_page.html"
    max_count = 1

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Adds each physician with the two soonest openings."""
        from articles.openings import soonest_by_physician

        context = super().get_context(request, *args, **kwargs)
        people = list(Practitioner.objects.on_site())
        times = soonest_by_physician(people, clock.now())
        context["physicians"] = [{"person": person, "openings": times.get(person.pk, [])} for person in people]
        return context


class ArticleIndexPage(SitePage):
    """All articles, newest first, by topic, with a search field."""

    intro = models.TextField(max_length=400, blank=True, verbose_name=_("First lines"))

    template = "articles/article_index.html"
    section = "articles"
    max_count = 1
    parent_page_types: ClassVar[list[str]] = ["articles.HomePage"]
    subpage_types: ClassVar[list[str]] = ["articles.ArticlePage"]
    content_panels: ClassVar[list[Any]] = [*Page.content_panels, FieldPanel("intro")]

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Adds the articles that match `?topic=` and `?q=`."""
        context = super().get_context(request, *args, **kwargs)
        topic = request.GET.get("topic", "")
        query = request.GET.get("q", "").strip()[:80]
        pages = ArticlePage.objects.live().child_of(self).select_related("reviewer")
        used = set(pages.values_list("topic", flat=True))
        topics = [choice for choice in Topic.choices if choice[0] in used]
        if topic in Topic.values:
            pages = pages.filter(topic=topic)
        else:
            topic = ""
        pages = pages.order_by("-reviewed_on", "title")
        if query:
            found = {page.pk for page in ArticlePage.objects.live().search(query)}
            words = query.lower().split()
            pages = [
                page
                for page in pages
                if page.pk in found or all(word in f"{page.title} {page.summary}".lower() for word in words)
            ]
        context |= {"articles": list(pages), "topics": topics, "topic": topic, "query": query}
        return context


class Topic(models.TextChoices):
    """What an article is about."""

    CAUSES = "causes", _("Causes")
    TREATMENTS = "treatments", _("Treatments")
    VISITS = "visits", _("Visits")


class ArticleForm(WagtailAdminPageForm):
    """The editor's form. Drafts may wait for their reviewer; publishing says what is missing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        article = kwargs.get("instance")
        if article and not article.points:
            article.points = [("point", "")] * 3  # three lines to fill in, instead of a complaint that they are not there
        super().__init__(*args, **kwargs)
        if "reviewer" in self.fields:
            self.fields["reviewer"].queryset = Practitioner.objects.exclude(registration_number="")
        for name, text in {"reviewer": _CHOOSE_REVIEWER, "reviewed_on": _GIVE_DATE}.items():
            if name in self.fields:
                self.fields[name].error_messages["required"] = text


class ArticlePage(SitePage):
    """One article. Publishing needs a physician who reviewed it, and the date of that review."""

    article_ref = models.UUIDField(
        default=uuid.uuid4,
        unique=True,
        editable=False,
        help_text=_("Named in booking links, so that no address says the topic."),
    )
    topic = models.CharField(max_length=12, choices=Topic.choices, default=Topic.CAUSES, verbose_name=_("Topic"))
    author = models.CharField(max_length=80, verbose_name=_("Author"))
    reviewer = models.ForeignKey(
        Practitioner,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("Reviewed by"),
        error_messages={"null": _CHOOSE_REVIEWER},
    )
    reviewed_on = models.DateField(
        null=True,
        verbose_name=_("Date of review"),
        error_messages={"null": _GIVE_DATE},
    )
    summary = models.TextField(max_length=240, verbose_name=_("Summary"))
    points = StreamField(
        blocks.StreamBlock([("point", blocks.CharBlock(max_length=140, label=_("Point")))], min_num=3, max_num=3),
        verbose_name=_("In short: three points"),
    )
    body = StreamField(BodyBlock(), verbose_name=_("Text"))
    sources = StreamField(SourcesBlock(required=False), blank=True, verbose_name=_("Sources"))
    invitation_title = models.CharField(
        max_length=90,
        default="Not sure what is causing it? That is what the first visit is for.",
        verbose_name=_("Invitation"),
    )
    invitation_text = models.CharField(
        max_length=160,
        default="You do not need a referral, a diagnosis or a decision. Bring your questions.",
        verbose_name=_("Invitation, second line"),
    )

    template = "articles/article_page.html"
    base_form_class = ArticleForm
    section = "articles"
    parent_page_types: ClassVar[list[str]] = ["articles.ArticleIndexPage"]
    subpage_types: ClassVar[list[str]] = []
    exclude_fields_in_copy: ClassVar[list[str]] = ["article_ref"]
    search_fields: ClassVar[list[Any]] = [*Page.search_fields, index.SearchField("summary"), index.SearchField("body")]
    content_panels: ClassVar[list[Any]] = [
        *Page.content_panels,
        FieldPanel("summary", help_text=_("One or two sentences: under the title, and on the card in the list.")),
        MultiFieldPanel(
            [
                FieldPanel("topic"),
                FieldPanel("author", help_text=_("As readers see it: Kelly Byrne, RN")),
                FieldPanel("reviewer", help_text=_("A physician who is in the CPSO's register. A draft can wait for one.")),
                FieldPanel("reviewed_on", help_text=_("A year later the article is marked: due for review.")),
            ],
            heading=_("Who wrote it, who reviewed it"),
        ),
        FieldPanel("points"),
        FieldPanel("body"),
        FieldPanel("sources"),
        MultiFieldPanel(
            [FieldPanel("invitation_title"), FieldPanel("invitation_text")],
            heading=_("Invitation to book"),
            help_text=_("Below the text. No name of a drug, and no promise."),
        ),
    ]

    class Meta:
        verbose_name = _("article")

    @property
    def path_on_site(self) -> str:
        """Where the article is read (no query needed, unlike Wagtail's `url`)."""
        return f"/articles/{self.slug}/"

    @property
    def first_lines(self) -> str:
        return self.summary

    def facts(self) -> dict[str, Any]:
        return structured.article_facts(self)

    @property
    def reading_minutes(self) -> int:
        """Minutes an average reader needs."""
        words = len(plain_text(self.points).split()) + len(plain_text(self.body).split())
        return max(1, math.ceil(words / WORDS_PER_MINUTE))

    def all_text(self) -> str:
        """Every word a reader sees, for the word check."""
        return " ".join(
            [
                self.title,
                self.summary,
                plain_text(self.points),
                plain_text(self.body),
                self.invitation_title,
                self.invitation_text,
            ]
        )

    def due_for_review(self, today: date) -> bool:
        """True when the last review is more than a year ago."""
        if self.reviewed_on is None:
            return False
        return (today.year - self.reviewed_on.year) * 12 + today.month - self.reviewed_on.month >= REVIEW_MONTHS

    def get_admin_display_title(self) -> str:
        """The title in the editor's lists, marked when the article wants another look."""
        title = super().get_admin_display_title()
        return f"{title} ({_('due for review')})" if self.due_for_review(clock.today()) else title

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Adds what a reader may want next."""
        context = super().get_context(request, *args, **kwargs)
        context["article"] = self
        context["related"] = list(
            ArticlePage.objects.live().exclude(pk=self.pk).select_related("reviewer").order_by("-reviewed_on", "title")[:2]
        )
        return context

    def serve(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Wagtail's own way to a page ends in the same cached answer as /articles/<slug>/."""
        from articles.views import article

        return article(request, slug=self.slug)

    def serve_preview(self, request: HttpRequest, mode_name: str) -> HttpResponse:
        """A draft as it will look, with today's openings, never cached."""
        from articles.views import render_uncached

        return render_uncached(request, self)
