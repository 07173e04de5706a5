"""URLs of the question pages, under /book/. They carry numbers, never topics."""

from django.urls import path

from intake import photo_views, views

app_name = "intake"
urlpatterns = [
    path("suitable/", views.who_we_see, name="who_we_see"),
    path("call-us/", views.call_us, name="call_us"),
    path("get-help/", views.get_help, name="get_help"),
    path("questions/", views.questions, name="questions"),
    path("questions/<int:section>/<int:number>/", views.question, name="question"),
    path("advice/<int:number>/", views.advice, name="advice"),
    path("photos/", photo_views.photos_page, name="photos"),
    path("photos/add/", photo_views.photo_add, name="photo_add"),
    path("photos/<uuid:public_id>/", photo_views.photo, name="photo"),
    path("photos/<uuid:public_id>/remove/", photo_views.photo_remove, name="photo_remove"),
    path("photos/<uuid:public_id>/date/", photo_views.photo_date, name="photo_date"),
    path("stop/<slug:code>/", views.stop, name="stop"),
]
