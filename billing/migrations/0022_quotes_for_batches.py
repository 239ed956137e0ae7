"""A quote is for one clip or for several; those made before are over by the time this is installed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0021_violations_at_any_size")]

    operations = [
        migrations.RemoveField("storedquote", "num_frames"),
        migrations.RemoveField("storedquote", "detail_pass"),
        migrations.AddField("storedquote", "clips", models.JSONField(default=list), preserve_default=False),
    ]
