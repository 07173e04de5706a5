"""The WSGI application; granian serves it."""

import gc
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.template.loader import get_template
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
# Nobody's first page waits for the views to be loaded, or for its template: those of the patient's path are compiled now.
get_resolver().url_patterns  # noqa: B018  (looking loads them)
for folder in ("booking", "intake", "components", "flow"):
    for page in sorted((settings.BASE_DIR / "templates" / folder).glob("*.html")):
        get_template(f"{folder}/{page.name}")
# What is loaded now stays until the end: the collector need not look at it again with every few requests.
gc.collect()
gc.freeze()
# And it looks at what is new after a few requests, not several times in each.
gc.set_threshold(20_000, 20, 20)
