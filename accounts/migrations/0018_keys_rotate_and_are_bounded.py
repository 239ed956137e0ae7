import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0017_projects")]

    operations = [
        migrations.AddField("apikey", "networks", models.JSONField(blank=True, default=list)),
        migrations.AddField(
            "apikey",
            "previous_hash",
            models.CharField(blank=True, default="", editable=False, max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            "apikey", "previous_until", models.DateTimeField(blank=True, editable=False, null=True)
        ),
        migrations.AddField("apikey", "rotated_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField(
            "apikey",
            "project",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="accounts.project",
            ),
        ),
    ]
