"""What people are told, and what they want to be told."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

KEY = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_audit_of_object")]

    operations = [
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", KEY.clone()),
                ("kind", models.CharField(max_length=40)),
                ("about", models.CharField(max_length=120)),
                ("subject", models.CharField(max_length=250)),
                ("text", models.TextField()),
                ("reason", models.CharField(max_length=250)),
                ("action", models.CharField(blank=True, max_length=60)),
                ("path", models.CharField(blank=True, max_length=300)),
                ("tone", models.CharField(default="info", max_length=10)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("in_portal", models.BooleanField(default=True)),
                ("by_mail", models.BooleanField(default=True)),
                ("read_at", models.DateTimeField(null=True)),
                ("mailed_at", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                (
                    "team",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.team",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user", "kind", "about"), name="notification_once")
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("in_portal", True)),
                        fields=["user", "-id"],
                        name="notification_recent",
                    ),
                    models.Index(
                        condition=models.Q(("in_portal", True), ("read_at", None)),
                        fields=["user"],
                        name="notification_unread",
                    ),
                    models.Index(
                        condition=models.Q(("by_mail", True), ("mailed_at", None)),
                        fields=["id"],
                        name="notification_unmailed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="NotificationChoice",
            fields=[
                ("id", KEY.clone()),
                ("kind", models.CharField(max_length=40)),
                ("channel", models.CharField(max_length=10)),
                ("wanted", models.BooleanField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notification_choices",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "kind", "channel"), name="notification_choice_once"
                    )
                ],
            },
        ),
    ]
