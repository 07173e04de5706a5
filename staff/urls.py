"""URLs of the screens for people who work here."""

from datetime import date

from django.urls import path, register_converter

from accounts.web import as_date
from staff.views import (
    availability,
    calls,
    clinic,
    corrections,
    day,
    feeds,
    fhir,
    find,
    health,
    home,
    kinds,
    late,
    md,
    messages,
    new,
    paper,
    photo,
    questions,
    rebook,
    review,
    series,
    setup,
    snippets,
    text,
    time_off,
    visit,
    waiting_list,
    week,
)


class DateConverter:
    """`2027-02-10` in a path."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        """The date; ValueError, so no match, for one that does not exist or whose neighbours might not."""
        day = as_date(value)
        if day is None:
            raise ValueError(value)
        return day

    def to_url(self, value: date | str) -> str:
        """The ISO form."""
        return value if isinstance(value, str) else value.isoformat()


register_converter(DateConverter, "date")
app_name = "staff"
urlpatterns = [
    path("staff/", home.home, name="home"),
    path("staff/pulse/", home.pulse, name="pulse"),
    path("staff/calendars/", feeds.feeds, name="feeds"),
    path("staff/corrections/", corrections.corrections, name="corrections"),
    path("staff/corrections/<uuid:public_id>/", corrections.correction, name="correction"),
    path("desk/", day.today, name="today"),
    path("desk/day/<date:day>/", day.day, name="day"),
    path("desk/week/<date:day>/", week.week, name="week"),
    path("desk/visit/<uuid:public_id>/", visit.visit, name="visit"),
    path("desk/visit/<uuid:public_id>/card/", day.card, name="visit_card"),
    path("desk/visit/<uuid:public_id>/starts/", visit.starts, name="visit_starts"),
    path("desk/visit/<uuid:public_id>/move/", visit.move, name="move"),
    path("desk/visit/<uuid:public_id>/cancel/", visit.cancel, name="visit_cancel"),
    path("desk/visit/<uuid:public_id>/contact/", visit.contact, name="visit_contact"),
    path("desk/visit/<uuid:public_id>/link/", visit.link, name="visit_link"),
    path("desk/visit/<uuid:public_id>/text/", text.text, name="visit_text"),
    path("desk/visit/<uuid:public_id>/questions/", questions.questions, name="visit_questions"),
    path("staff/late/", late.late, name="late"),
    path("desk/new/", new.new, name="new"),
    path("desk/find/", find.find, name="find"),
    path("desk/patient/<uuid:public_id>/", find.patient, name="patient"),
    path("desk/series/", series.book, name="series"),
    path("desk/waiting-list/", waiting_list.waiting_list, name="waiting_list"),
    path("desk/calls/", calls.calls, name="calls"),
    path("desk/again/", calls.book_again, name="again"),
    path("desk/messages/", messages.desk_messages, name="messages"),
    path("clinic/messages/", kinds.kinds, name="kinds"),
    path("clinic/messages/<slug:code>/", kinds.kind, name="kind"),
    path("clinic/messages/<slug:code>/email.html", kinds.preview, name="kind_preview"),
    path("clinic/health/", health.health, name="health"),
    path("desk/calls/<uuid:newer>/<uuid:older>/", calls.decide, name="merge"),
    path("desk/availability/", availability.index, name="availability_index"),
    path("desk/availability/<slug:who>/", availability.availability, name="availability"),
    path("desk/time-off/", time_off.time_off, name="time_off"),
    path("desk/time-off/<int:off_id>/end/", time_off.end, name="time_off_end"),
    path("desk/time-off/<int:off_id>/visits/", rebook.visits, name="time_off_visits"),
    path("desk/batch/<uuid:public_id>/", rebook.batch, name="batch"),
    path("clinic/closures/", time_off.closures, name="closures"),
    path("md/", md.my_day, name="md"),
    path("md/review/", review.to_review, name="to_review"),
    path("md/review/<uuid:public_id>/", review.review, name="review"),
    path("md/snippets/", snippets.snippets, name="snippets"),
    path("md/photo/<uuid:public_id>/", photo.photo, name="photo"),
    path("md/review/<uuid:public_id>/answers.pdf", paper.answers, name="answers_pdf"),
    path("fhir/Questionnaire/<slug:slug>", fhir.questionnaire, name="fhir_questionnaire"),
    path("fhir/QuestionnaireResponse/<uuid:public_id>", fhir.response, name="fhir_response"),
    path("clinic/", clinic.clinic, name="clinic"),
    path("clinic/numbers/", clinic.month, name="numbers"),
    path("clinic/details/", setup.details, name="clinic_details"),
    path("clinic/services/", setup.services, name="services"),
    path("clinic/services/new/", setup.service, name="service_new"),
    path("clinic/services/<uuid:public_id>/", setup.service, name="service"),
    path("clinic/rooms/", setup.rooms, name="rooms"),
    path("clinic/physicians/", setup.physicians, name="physicians"),
    path("clinic/physicians/new/", setup.physician, name="physician_new"),
    path("clinic/physicians/<slug:who>/", setup.physician, name="physician"),
    path("clinic/people/", clinic.people, name="people"),
    path("clinic/people/<int:user_id>/", clinic.person, name="person"),
    path("clinic/access-log/", clinic.access_log, name="access_log"),
]
