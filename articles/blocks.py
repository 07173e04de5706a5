"""What an article is made of."""

from typing import Any

from django.utils.html import strip_tags
from django.utils.translation import gettext_lazy as _
from wagtail import blocks

RICH = ["bold", "italic", "link", "ol", "ul"]


class PhaseBlock(blocks.StructBlock):
    """One step on the time line: when, and what people notice."""

    when = blocks.CharBlock(max_length=40, label=_("When"), help_text=_("6 to 12 weeks"))
    what = blocks.CharBlock(max_length=120, label=_("What people notice"))


class PhasesBlock(blocks.StructBlock):
    """A time line of two or three phases."""

    title = blocks.CharBlock(max_length=80, label=_("Title"))
    phases = blocks.ListBlock(PhaseBlock(), min_num=2, max_num=3, label=_("Phases"))

    class Meta:
        template = "articles/blocks/phases.html"
        icon = "history"
        label = _("Time line")


class NoteBlock(blocks.StructBlock):
    """A boxed remark."""

    kind = blocks.ChoiceBlock(choices=[("warn", _("Warning")), ("info", _("Information"))], default="warn", label=_("Kind"))
    title = blocks.CharBlock(max_length=80, required=False, label=_("Title"))
    text = blocks.RichTextBlock(features=["bold", "italic", "link"], label=_("Text"))

    class Meta:
        template = "articles/blocks/note.html"
        icon = "warning"
        label = _("Note or warning")


class RowBlock(blocks.StructBlock):
    """One row of a table with two columns."""

    term = blocks.CharBlock(max_length=120, label=_("Left"))
    text = blocks.RichTextBlock(features=["bold", "italic", "link"], label=_("Right"))


class RowsBlock(blocks.StructBlock):
    """A table of two columns: a term, and what is said about it."""

    title = blocks.CharBlock(max_length=120, label=_("Title"))
    left = blocks.CharBlock(max_length=60, label=_("Left heading"))
    right = blocks.CharBlock(max_length=60, label=_("Right heading"))
    rows = blocks.ListBlock(RowBlock(), min_num=2, label=_("Rows"))

    class Meta:
        template = "articles/blocks/rows.html"
        icon = "table"
        label = _("Table")


class StepBlock(blocks.StructBlock):
    """One step of a visit or a process."""

    title = blocks.CharBlock(max_length=80, label=_("Title"))
    text = blocks.CharBlock(max_length=300, label=_("Text"))


class StepsBlock(blocks.StructBlock):
    """Numbered steps."""

    steps = blocks.ListBlock(StepBlock(), min_num=2, label=_("Steps"))

    class Meta:
        template = "articles/blocks/steps.html"
        icon = "list-ol"
        label = _("Steps")


class BodyBlock(blocks.StreamBlock):
    """The text of a page."""

    paragraph = blocks.RichTextBlock(features=RICH, label=_("Text"))
    heading = blocks.CharBlock(max_length=120, label=_("Heading"), template="articles/blocks/heading.html", icon="title")
    subheading = blocks.CharBlock(
        max_length=120, label=_("Smaller heading"), template="articles/blocks/subheading.html", icon="title"
    )
    phases = PhasesBlock()
    note = NoteBlock()
    rows = RowsBlock()
    steps = StepsBlock()


class SourceBlock(blocks.StructBlock):
    """Where a statement comes from."""

    text = blocks.CharBlock(max_length=400, label=_("Source"), help_text=_("Authors. Title. Journal, year."))
    url = blocks.URLBlock(required=False, label=_("Address"))


class SourcesBlock(blocks.StreamBlock):
    """The sources of an article."""

    source = SourceBlock(label=_("Source"))


def plain_text(value: Any) -> str:
    """All words of a StreamField value, without markup: for the reading time and the word check."""
    words: list[str] = []

    def collect(item: Any) -> None:
        if isinstance(item, str):
            words.append(item)
        elif hasattr(item, "source"):  # rich text
            words.append(strip_tags(item.source.replace("</", " </")))
        elif isinstance(item, dict):
            for part in item.values():
                collect(part)
        elif hasattr(item, "value"):  # a block of a stream
            collect(item.value)
        elif hasattr(item, "__iter__"):
            for part in item:
                collect(part)

    collect(value)
    return " ".join(words)
