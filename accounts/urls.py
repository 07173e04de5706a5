"""Sign-in, second factor and password pages (allauth)."""

from django.urls import include, path

urlpatterns = [path("", include("allauth.urls"))]
