import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0017_projects"), ("generations", "0050_breakers_are_announced")]

    operations = [
        migrations.AddField(
            "batch",
            "project",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="accounts.project",
            ),
        ),
        migrations.AddField(
            "generation",
            "project",
            models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="generations",
                to="accounts.project",
            ),
        ),
        migrations.AddIndex(
            "generation",
            models.Index(
                condition=models.Q(("project__isnull", False)),
                fields=["project", "-created_at", "-id"],
                name="generation_of_project",
            ),
        ),
    ]
