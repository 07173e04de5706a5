"""`/me/data/`: take everything along, and ask for a correction."""

from datetime import timedelta

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import clock, limits
from accounts.web import see
from intake.actions import ask_correction, read_corrections
from intake.corrections import Correction
from intake.errors import IntakeError
from portal import export
from portal.access import Me, fresh_proof_required, patient_required
from portal.forms import CorrectionForm

PER_DAY = 10


@require_http_methods(["GET", "HEAD", "POST"])
@patient_required
def data(request: HttpRequest, me: Me) -> HttpResponse:
    """What can be taken, what was asked and what was answered. POST asks for a correction."""
    form, status = CorrectionForm(request.POST if request.method == "POST" else None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                ask_correction(me.patient, about=form.cleaned_data["about"], text=form.cleaned_data["text"], by=me.by, now=me.now)
            except IntakeError as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, _("Sent. We answer within 30 days, here."))
                return see("portal:data")
    rows = Correction.objects.for_actor(request.user).select_related("answered_by").order_by("-asked_at")[:30]
    said = read_corrections(rows, by=me.by, now=me.now)
    return render(request, "portal/data.html", {"me": me, "form": form, "said": said, "tab": "data"}, status=status)


@require_POST
@patient_required
@fresh_proof_required(form="portal:data")
def download(request: HttpRequest, me: Me) -> HttpResponseBase:
    """One zip file: JSON, a PDF per set of answers, the photos. In the trail before the first byte is sent."""
    if not limits.hit(f"me-data:{me.patient.pk}", limit=PER_DAY, window=timedelta(days=1), now=me.now):
        messages.warning(request, _("You have downloaded it several times today. Try again tomorrow."))
        return see("portal:data")
    file = export.everything(me.patient, by=me.by, now=me.now)
    return FileResponse(file, as_attachment=True, filename=f"my-data-{clock.today(me.now).isoformat()}.zip")
