"""URLs of a patient's own account."""

from django.urls import path

from portal.views import answers, data, details, home, passkeys, signin

app_name = "portal"
urlpatterns = [
    path("", home.home, name="home"),
    path("sign-in/", signin.sign_in, name="sign_in"),
    path("sign-in/code/", signin.code, name="code"),
    path("sign-in/who/", signin.who, name="who"),
    path("sign-in/passkey/", signin.passkey, name="passkey"),
    path("sign-out/", signin.sign_out, name="sign_out"),
    path("visits/<uuid:public_id>/confirm/", home.confirm, name="confirm"),
    path("visits/<uuid:public_id>/questions/", home.questions, name="questions"),
    path("visits/<uuid:public_id>/photos/", home.photos, name="add_photos"),
    path("answers/", answers.answers, name="answers"),
    path("answers/<uuid:public_id>/", answers.answer, name="answer"),
    path("answers/<uuid:public_id>/answers.pdf", answers.answer_pdf, name="answer_pdf"),
    path("photos/", answers.photos, name="photos"),
    path("photos/<uuid:public_id>/", answers.photo, name="photo"),
    path("details/", details.details, name="details"),
    path("details/code/", details.contact_code, name="contact_code"),
    path("details/<slug:channel>/", details.contact, name="contact"),
    path("prove/", details.prove, name="prove"),
    path("passkeys/", passkeys.passkeys, name="passkeys"),
    path("passkeys/<int:pk>/remove/", passkeys.passkey_remove, name="passkey_remove"),
    path("data/", data.data, name="data"),
    path("data/download/", data.download, name="download"),
]
