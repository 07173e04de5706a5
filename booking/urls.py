"""URLs of the booking app: the path to a visit, and the visit by its private link."""

from django.urls import path

from booking.views import check, code, consents, details, done, feed, idle, later, lost_link, openings, paper, start, time, visit

app_name = "booking"
urlpatterns = [
    path("book/", start.start, name="start"),
    path("book/time/", time.time, name="time"),
    path("book/details/", details.details, name="details"),
    path("book/code/", code.code, name="code"),
    path("book/check/", check.check, name="check"),
    path("book/done/", done.done, name="done"),
    path("book/done/answers.pdf", paper.done_answers, name="done_answers"),
    path("book/lost-link/", lost_link.lost_link, name="lost_link"),
    path("book/save/", later.save, name="save"),
    path("book/save/delete/", later.delete, name="delete_answers"),
    path("book/resume/<str:token>/", later.resume, name="resume"),
    path("book/openings/", openings.openings, name="openings"),
    path("book/closed/", idle.closed, name="closed"),
    path("book/leave/", done.leave, name="leave"),
    path("feed/<str:token>/calendar.ics", feed.feed, name="feed"),
    path("v/<str:token>/", visit.visit, name="visit"),
    path("v/<str:token>/confirm/", visit.visit_confirm, name="visit_confirm"),
    path("v/<str:token>/time/", visit.visit_time, name="visit_time"),
    path("v/<str:token>/cancel/", visit.visit_cancel, name="visit_cancel"),
    path("v/<str:token>/undo/", visit.visit_undo, name="visit_undo"),
    path("v/<str:token>/questions/", visit.visit_questions, name="visit_questions"),
    path("v/<str:token>/answers/", paper.visit_answers, name="visit_answers"),
    path("v/<str:token>/photos/", visit.visit_photos, name="visit_photos"),
    path("v/<str:token>/messages/", visit.visit_messages, name="visit_messages"),
    path("v/<str:token>/consents/", consents.visit_consents, name="visit_consents"),
    path("v/<str:token>/calendar.ics", visit.visit_ics, name="visit_ics"),
]
