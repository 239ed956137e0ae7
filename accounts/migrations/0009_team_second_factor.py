"""A team may show itself only to members with a second factor."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_a_team_has_an_owner")]

    operations = [
        migrations.AddField("team", "requires_second_factor", models.BooleanField(default=False)),
    ]
