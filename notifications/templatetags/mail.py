"""The parts of an HTML mail, once. Mail programs drop style sheets, so every style stands on its element."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

INK, QUIET, GREEN = "#14302A", "#43594F", "#17514A"


@register.simple_block_tag
def para(content: str, tone: str = "", gap: int = 12) -> SafeString:
    """A paragraph: `{% para %}…{% endpara %}`. `tone="quiet"` for what may be skipped; `gap` pixels above."""
    size, colour = (16, QUIET) if tone == "quiet" else (17, INK)
    return format_html('<p style="margin:{}px 0 0;font-size:{}px;line-height:1.6;color:{};">{}</p>', gap, size, colour, content)


@register.simple_block_tag
def section(content: str, gap: int = 24) -> SafeString:
    """A row of the letter, `gap` pixels below the one above."""
    return format_html('<tr><td class="pad" style="padding:{}px 36px 0;">{}</td></tr>', gap, content)


@register.simple_block_tag
def card(content: str, headline: str, size: int = 20) -> SafeString:
    """The green box with the time in it (`size` pixels), and quieter lines below."""
    return format_html(
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" '
        'style="background:#EEF5F2;border:1px solid #B7D5CC;border-radius:12px;">'
        '<tr><td style="padding:20px 22px {}px;font-size:{}px;font-weight:700;line-height:1.35;">{}</td></tr>{}</table>',
        4 if content.strip() else 20,
        size,
        headline,
        format_html('<tr><td style="padding:0 22px 20px;font-size:16px;line-height:1.6;color:{};">{}</td></tr>', QUIET, content)
        if content.strip()
        else "",
    )


@register.simple_tag
def button(url: str, label: str) -> SafeString:
    """The one thing to do. The colour stands on the cell, because Outlook leaves the padding of a link out."""
    return format_html(
        '<tr><td class="pad btn" style="padding:24px 36px 0;">'
        '<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tr>'
        '<td bgcolor="{}" style="background:{};border-radius:12px;mso-padding-alt:14px 26px;">'
        '<a href="{}" style="display:inline-block;color:#FFFFFF;font-size:17px;font-weight:700;line-height:1.25;'
        'text-decoration:none;padding:14px 26px;">{}</a></td></tr></table></td></tr>',
        GREEN,
        GREEN,
        url,
        label,
    )


@register.simple_tag
def phone(number: str, tel: str) -> SafeString:
    """A phone number that can be tapped."""
    return format_html('<a href="tel:{}" style="color:{};font-weight:600;white-space:nowrap;">{}</a>', tel, GREEN, number)


@register.simple_tag
def textlink(url: str, label: str) -> SafeString:
    """A link in a sentence."""
    return format_html('<a href="{}" style="color:{};">{}</a>', url, GREEN, label)
