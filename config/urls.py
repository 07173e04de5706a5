"""The site map, by audience."""

from django.urls import include, path
from django.views.generic import RedirectView
from wagtail import urls as wagtail_urls

from accounts import health

urlpatterns = [
    # Patients
    path("book/", include("intake.urls")),
    path("", include("booking.urls")),
    path("me/", include("portal.urls")),
    # People who work here
    path("", include("staff.urls")),
    path("staff/", include("accounts.urls")),
    path("editor/", include("articles.editor_urls")),
    # Machines, and the demo's mailbox
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("", include("notifications.urls")),
    # The public site, last: it answers every other path
    path("", include("articles.urls")),
    # Wagtail's own sign-in page knows neither our limits nor the second factor: its address leads to ours.
    path("_util/login/", RedirectView.as_view(pattern_name="account_login", query_string=True), name="wagtailcore_login"),
    path("", include(wagtail_urls)),
]
handler400 = "accounts.errors.bad_request"
handler403 = "accounts.errors.forbidden"
handler404 = "accounts.errors.not_found"
handler429 = "accounts.errors.too_many"
handler500 = "accounts.errors.server_error"
