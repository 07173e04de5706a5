from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("booking", "0018_by_mistake_as_a_code")]

    operations = [
        migrations.AddIndex(
            model_name="appointment",
            index=models.Index(
                fields=["starts_at"],
                name="appointment_open",
                condition=models.Q(status__in=["booked", "confirmed", "arrived", "in_room"]),
            ),
        ),
    ]
