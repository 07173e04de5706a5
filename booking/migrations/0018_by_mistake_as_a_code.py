from django.db import migrations

# A booking that was taken back because it was never meant said so in a sentence of the language of whoever took it back.
TO_CODE = "UPDATE booking_appointment SET cancel_reason = 'by-mistake' WHERE cancel_reason = 'Booked by mistake'"


class Migration(migrations.Migration):
    dependencies = [("booking", "0017_whole_call_reasons")]

    operations = [migrations.RunSQL(TO_CODE, migrations.RunSQL.noop)]
