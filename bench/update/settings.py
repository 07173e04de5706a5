"""The product's settings with the yardstick's addresses."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.update.urls"
