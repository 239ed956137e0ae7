"""What was done and by whom, what staff opened and why, and what people are told."""

import uuid

from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

NUMBER = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")
RANDOM = models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)
MADE = models.DateTimeField(default=timezone.now, editable=False)


class Migration(migrations.Migration):
    replaces = [
        ("accounts", "0002_audit_log"),
        ("accounts", "0004_staff_sessions"),
        ("accounts", "0010_audit_of_object"),
        ("accounts", "0011_notifications"),
    ]
    dependencies = [("accounts", "0001_people_tables")]

    operations = [
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                ("id", NUMBER.clone()),
                ("at", MADE.clone()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("member", "Member"),
                            ("key", "API key"),
                            ("staff", "Staff"),
                            ("system", "The platform"),
                        ],
                        max_length=10,
                    ),
                ),
                ("key_id", models.CharField(blank=True, max_length=16)),
                ("action", models.CharField(max_length=60)),
                ("object_type", models.CharField(blank=True, max_length=40)),
                ("object_id", models.CharField(blank=True, max_length=64)),
                ("object_name", models.CharField(blank=True, max_length=200)),
                ("old", models.JSONField(default=dict)),
                ("new", models.JSONField(default=dict)),
                ("address", models.GenericIPAddressField(null=True)),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("staff_session", models.UUIDField(null=True)),
                (
                    "team",
                    models.ForeignKey(
                        null=True, on_delete=models.PROTECT, related_name="+", to="accounts.team"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True, on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["team", "-id"], name="audit_of_team"),
                    models.Index(fields=["user", "-id"], name="audit_of_person"),
                    models.Index(fields=["object_type", "object_id", "-id"], name="audit_of_object"),
                ],
            },
        ),
        migrations.CreateModel(
            name="StaffSession",
            fields=[
                ("id", RANDOM.clone()),
                ("reason", models.CharField(max_length=500)),
                ("started_at", MADE.clone()),
                (
                    "seen_at",
                    models.DateTimeField(
                        default=timezone.now, editable=False, help_text="the last address opened"
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "how_ended",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("ended", "Ended by hand"),
                            ("idle", "Nothing was opened for a while"),
                            ("time", "Its time was up"),
                        ],
                        max_length=10,
                    ),
                ),
                ("told_at", models.DateTimeField(blank=True, null=True)),
                (
                    "person",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "staff",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="staff_sessions", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="staff_sessions", to="accounts.team"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["team", "-started_at"], name="staff_session_of_team"),
                    models.Index(
                        condition=models.Q(("told_at__isnull", True)),
                        fields=["started_at"],
                        name="staff_session_untold",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("staff",),
                        name="staff_session_one_open",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="StaffVisit",
            fields=[
                ("id", NUMBER.clone()),
                ("at", MADE.clone()),
                ("method", models.CharField(max_length=10)),
                ("route", models.CharField(blank=True, max_length=200)),
                ("path", models.CharField(max_length=300)),
                ("status", models.PositiveSmallIntegerField()),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="visits", to="accounts.staffsession"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", NUMBER.clone()),
                ("kind", models.CharField(max_length=40)),
                ("about", models.CharField(max_length=120)),
                ("subject", models.CharField(max_length=250)),
                ("text", models.TextField()),
                ("reason", models.CharField(max_length=250)),
                ("action", models.CharField(blank=True, max_length=60)),
                ("path", models.CharField(blank=True, max_length=300)),
                ("tone", models.CharField(default="info", max_length=10)),
                ("created_at", MADE.clone()),
                ("in_portal", models.BooleanField(default=True)),
                ("by_mail", models.BooleanField(default=True)),
                ("read_at", models.DateTimeField(null=True)),
                ("mailed_at", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                (
                    "team",
                    models.ForeignKey(
                        null=True, on_delete=models.CASCADE, related_name="+", to="accounts.team"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=models.CASCADE, related_name="notifications", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
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
                "constraints": [
                    models.UniqueConstraint(fields=("user", "kind", "about"), name="notification_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="NotificationChoice",
            fields=[
                ("id", NUMBER.clone()),
                ("kind", models.CharField(max_length=40)),
                ("channel", models.CharField(max_length=10)),
                ("wanted", models.BooleanField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=models.CASCADE,
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
