"""URLs of the notifications app: what providers call, and the demo's mailbox."""

from django.urls import path

from notifications import care, hooks, views

app_name = "notifications"
urlpatterns = [
    path("metrics", hooks.metrics, name="metrics"),
    path("hooks/twilio/text/", hooks.twilio_text, name="twilio_text"),
    path("hooks/twilio/status/<uuid:public_id>/<str:seal>/", hooks.twilio_status, name="twilio_status"),
    path("hooks/mail/", hooks.mail_events, name="mail_events"),
    path("m/<uuid:public_id>/<str:seal>/", care.care_off, name="care_off"),
    path("demo/mailbox/", views.mailbox, name="mailbox"),
    path("demo/mailbox/mail/<int:pk>/", views.mail, name="mail"),
    path("demo/mailbox/mail/<int:pk>/html/", views.mail_html, name="mail_html"),
    path("demo/mailbox/mail/<int:pk>/calendar.ics", views.mail_ics, name="mail_ics"),
    path("demo/mailbox/text/<int:pk>/", views.text, name="text"),
    path("demo/mailbox/text/<int:pk>/answer/", views.answer, name="answer"),
]
