"""The public site's addresses that Wagtail does not serve by itself."""

from django.urls import path

from articles import views

app_name = "articles"
urlpatterns = [
    path("articles/<slug:slug>/", views.article, name="article"),
    path("physicians/<slug:slug>/", views.physician, name="physician"),
    path("search/", views.search, name="search"),
    path("robots.txt", views.robots, name="robots"),
    path("sitemap.xml", views.sitemap, name="sitemap"),
    path("theme/", views.choose_theme, name="theme"),
]
