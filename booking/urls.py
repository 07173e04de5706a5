"""URLs of the booking app."""

from django.urls import URLPattern

app_name = "booking"
urlpatterns: list[URLPattern] = []
