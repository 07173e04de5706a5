"""Why nobody can be told anything by message, in words for the desk."""

from django.utils.translation import gettext as _

from patients.models import Helper, Patient, ReminderBy


def no_way(reader: Patient | Helper) -> str:
    """Why no message goes to somebody who has no way left for one."""
    if reader.reminder_by == ReminderBy.PHONE:
        return _("This patient gets phone calls only, so no message can go out. If they agree, change that first.")
    if not (reader.mobile or reader.email):
        return _("There is no mobile and no email to send it to.")
    return _("No message gets through: texts were stopped or mail came back. Call, or change the contact first.")
