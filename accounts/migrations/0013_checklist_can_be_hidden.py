"""Whoever does not need the first steps puts them away, for each team by themselves."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_letters_on_schedule")]

    operations = [
        migrations.AddField("membership", "first_steps_hidden", models.BooleanField(default=False)),
    ]
