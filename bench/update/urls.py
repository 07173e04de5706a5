"""The product's addresses, and one that writes one row: everything that any POST of the site goes through, and nothing else."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_POST

from config.urls import urlpatterns as site


@require_POST
def update(request: HttpRequest) -> HttpResponse:
    """The session is read, as by every page that knows its visitor; then one UPDATE, durable before the answer."""
    row = request.session["row"]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE bench_row SET n = n + 1 WHERE id = %s", [row])
    return HttpResponse(status=303, headers={"Location": "/", "Content-Length": "0"})


urlpatterns = [path("bench/update/", update), *site]
