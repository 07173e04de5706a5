"""URLs of the notifications app: the demo's mailbox."""

from django.urls import path

from notifications import views

app_name = "notifications"
urlpatterns = [
    path("demo/mailbox/", views.mailbox, name="mailbox"),
    path("demo/mailbox/mail/<int:pk>/", views.mail, name="mail"),
    path("demo/mailbox/mail/<int:pk>/html/", views.mail_html, name="mail_html"),
    path("demo/mailbox/mail/<int:pk>/calendar.ics", views.mail_ics, name="mail_ics"),
    path("demo/mailbox/text/<int:pk>/", views.text, name="text"),
]
