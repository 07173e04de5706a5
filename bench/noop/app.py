"""A bare Django view without middleware or database, for gunicorn: bench.noop.app:application."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(DEBUG=False, SECRET_KEY="noop", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, MIDDLEWARE=[], USE_I18N=False)


def noop(request: HttpRequest) -> HttpResponse:
    """Two bytes. The length is given so that the connection can be kept."""
    return HttpResponse("ok", headers={"Content-Length": "2"})


urlpatterns = [path("", noop)]
application = get_wsgi_application()
