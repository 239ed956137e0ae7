"""When a member was last in the team, to the hour."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_how_people_see_pages")]

    operations = [
        migrations.AddField("membership", "last_seen_at", models.DateTimeField(null=True, editable=False)),
    ]
