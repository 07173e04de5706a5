"""The WSGI application; granian serves it."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
# What is loaded now stays until the end: the collector need not look at it again with every few requests.
gc.collect()
gc.freeze()
