"""What fal named with a refusal, when its billing is asked next, and how far the search for lost files has come."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generations", "0040_changes_are_announced")]

    operations = [
        migrations.AddField("generation", "failure_context", models.JSONField(blank=True, default=dict)),
        migrations.AddField("submission", "cost_due_at", models.DateTimeField(blank=True, null=True)),
        migrations.RemoveIndex("submission", "submission_cost_open"),
        migrations.AddIndex(
            "submission",
            models.Index(
                condition=models.Q(("cost_due_at__isnull", False)),
                fields=["cost_due_at"],
                name="submission_cost_due",
            ),
        ),
        migrations.CreateModel(
            name="StorageWalk",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(
                        default=1, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "folder",
                    models.CharField(blank=True, help_text="the next one to look into", max_length=200),
                ),
                (
                    "began_at",
                    models.DateTimeField(default=django.utils.timezone.now, help_text="the present round"),
                ),
                ("looked_at", models.PositiveIntegerField(default=0, help_text="files in the present round")),
                ("removed", models.PositiveIntegerField(default=0, help_text="files, since ever")),
                (
                    "finished_at",
                    models.DateTimeField(blank=True, help_text="the last whole round", null=True),
                ),
            ],
        ),
        migrations.AddConstraint(
            "storagewalk",
            models.CheckConstraint(condition=models.Q(("id", 1)), name="storage_walk_is_one"),
        ),
    ]
