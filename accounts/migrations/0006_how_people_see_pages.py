"""Theme, language and time zone of people."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_visits_are_append_only")]

    operations = [
        migrations.AddField(
            "user",
            "theme",
            models.CharField(
                blank=True,
                choices=[("system", "System"), ("light", "Light"), ("dark", "Dark")],
                default="",
                max_length=10,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "user",
            "language",
            models.CharField(blank=True, default="", max_length=10),
            preserve_default=False,
        ),
        migrations.AddField(
            "user",
            "time_zone",
            models.CharField(blank=True, default="", max_length=64),
            preserve_default=False,
        ),
    ]
