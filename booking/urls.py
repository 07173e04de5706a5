"""URLs of the booking app: the path to a visit, and the visit by its private link."""

from django.urls import path

from booking import views

app_name = "booking"
urlpatterns = [
    path("book/", views.start, name="start"),
    path("book/time/", views.time, name="time"),
    path("book/details/", views.details, name="details"),
    path("book/code/", views.code, name="code"),
    path("book/check/", views.check, name="check"),
    path("book/done/", views.done, name="done"),
    path("book/lost-link/", views.lost_link, name="lost_link"),
    path("book/openings/", views.openings, name="openings"),
    path("book/leave/", views.leave, name="leave"),
    path("v/<str:token>/", views.visit, name="visit"),
    path("v/<str:token>/confirm/", views.visit_confirm, name="visit_confirm"),
    path("v/<str:token>/time/", views.visit_time, name="visit_time"),
    path("v/<str:token>/cancel/", views.visit_cancel, name="visit_cancel"),
    path("v/<str:token>/undo/", views.visit_undo, name="visit_undo"),
    path("v/<str:token>/questions/", views.visit_questions, name="visit_questions"),
    path("v/<str:token>/messages/", views.visit_messages, name="visit_messages"),
    path("v/<str:token>/calendar.ics", views.visit_ics, name="visit_ics"),
]
