"""The article editor, for the clinic lead alone."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.users.models import UserProfile
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
        user: Any = request.user  # behind lead_required
        let_edit(user, by=Actor.staff(user), now=clock.now())
        # A date that is typed is on the clinic's clock, whatever the profile says; not saved.
        user.wagtail_userprofile = UserProfile.get_for_user(user)
        user.wagtail_userprofile.current_time_zone = clock.clinic_zone().key
        return view(request, *args, **kwargs)

    return lead_required(enter)


urlpatterns = decorate_urlpatterns(list(wagtailadmin_urls.urlpatterns), editor)
