"""The article editor, for the clinic lead alone."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.utils.urlpatterns import decorate_urlpatterns

from accounts import clock
from accounts.access import lead_required
from articles.actions import let_edit
from audit.actor import Actor


def editor(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Only a clinic lead comes in: others sign in first, or see "not found".

    Wagtail keeps its own rights by group. A lead who is not in the group yet is put there on the way in, so that a role is
    all there is to give or take.
    """

    @wraps(view)
    def enter(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        let_edit(request.user, by=Actor.staff(request.user), now=clock.now())  # type: ignore[arg-type]  # behind lead_required
        return view(request, *args, **kwargs)

    return lead_required(enter)


urlpatterns = decorate_urlpatterns(list(wagtailadmin_urls.urlpatterns), editor)
