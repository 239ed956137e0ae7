"""What happened to one object is found by index: a person's own sign-ins above all."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_team_second_factor")]

    operations = [
        migrations.AddIndex(
            "auditevent",
            models.Index(fields=["object_type", "object_id", "-id"], name="audit_of_object"),
        ),
    ]
