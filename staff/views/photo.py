"""`/md/photo/`: a photo of a sent response, for physicians. Each look is in the trail."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts import clock
from accounts.access import physician_required
from audit.actor import actor_of
from intake.models import Photo
from intake.photo_views import picture


@physician_required
@require_safe
def photo(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The picture, small with `?small`. A draft's is nobody's but the patient's; a withdrawn one is not shown."""
    found = (
        Photo.objects.select_related("response")
        .defer("response__document")
        .filter(public_id=public_id, status=Photo.Status.KEPT)
        .exclude(response__status="in-progress")
        .exclude(response__patient=None)
        .first()
    )
    if found is None:
        raise Http404
    return picture(found, by=actor_of(request), now=clock.now(), small="small" in request.GET)
