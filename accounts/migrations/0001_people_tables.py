"""People and teams, their projects and keys, and invitations."""

import uuid

from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Lower
from django.utils import timezone

NUMBER = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")
RANDOM = models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)
MADE = models.DateTimeField(default=timezone.now, editable=False)


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("accounts", "0001_people_and_teams"),
        ("accounts", "0006_how_people_see_pages"),
        ("accounts", "0007_last_seen"),
        ("accounts", "0009_team_second_factor"),
        ("accounts", "0013_checklist_can_be_hidden"),
        ("accounts", "0015_invitations"),
        ("accounts", "0017_projects"),
        ("accounts", "0018_keys_rotate_and_are_bounded"),
    ]
    dependencies = [("auth", "0012_alter_user_first_name_max_length")]

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", NUMBER.clone()),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "email",
                    models.EmailField(
                        error_messages={"unique": "This address is taken."},
                        max_length=254,
                        unique=True,
                        verbose_name="e-mail address",
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=150)),
                ("is_staff", models.BooleanField(default=False, help_text="May enter the staff site.")),
                ("is_active", models.BooleanField(default=True)),
                ("date_joined", models.DateTimeField(default=timezone.now)),
                (
                    "theme",
                    models.CharField(
                        blank=True,
                        choices=[("system", "System"), ("light", "Light"), ("dark", "Dark")],
                        max_length=10,
                    ),
                ),
                ("language", models.CharField(blank=True, max_length=10)),
                ("time_zone", models.CharField(blank=True, max_length=64)),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(Lower("email"), name="user_email_once_in_any_case")],
            },
        ),
        migrations.CreateModel(
            name="Team",
            fields=[
                ("id", RANDOM.clone()),
                ("name", models.CharField(max_length=100)),
                ("slug", models.SlugField(max_length=60, unique=True)),
                ("is_personal", models.BooleanField(default=False)),
                ("created_at", MADE.clone()),
                ("requires_second_factor", models.BooleanField(default=False)),
                ("ends_at", models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", NUMBER.clone()),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("admin", "Admin"),
                            ("editor", "Editor"),
                            ("viewer", "Viewer"),
                            ("billing", "Billing"),
                        ],
                        max_length=10,
                    ),
                ),
                ("created_at", MADE.clone()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=models.CASCADE, related_name="memberships", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=models.CASCADE, related_name="memberships", to="accounts.team"
                    ),
                ),
                ("last_seen_at", models.DateTimeField(editable=False, null=True)),
                ("first_steps_hidden", models.BooleanField(default=False)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("team", "user"), name="membership_once")],
            },
        ),
        migrations.AddField(
            model_name="team",
            name="members",
            field=models.ManyToManyField(
                related_name="teams", through="accounts.Membership", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="last_team",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=models.SET_NULL, related_name="+", to="accounts.team"
            ),
        ),
        migrations.CreateModel(
            name="Project",
            fields=[
                ("id", RANDOM.clone()),
                ("name", models.CharField(max_length=60)),
                ("created_at", MADE.clone()),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True, on_delete=models.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(on_delete=models.CASCADE, related_name="projects", to="accounts.team"),
                ),
            ],
            options={
                "ordering": ["name", "created_at"],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("team"), Lower("name"), name="project_name_once_per_team"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("id", RANDOM.clone()),
                ("public_id", models.CharField(editable=False, max_length=16, unique=True)),
                ("secret_hash", models.CharField(editable=False, max_length=64)),
                ("name", models.CharField(max_length=100)),
                ("scopes", models.JSONField(default=list)),
                ("created_at", MADE.clone()),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=models.CASCADE, related_name="api_keys", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(on_delete=models.CASCADE, related_name="api_keys", to="accounts.team"),
                ),
                ("networks", models.JSONField(blank=True, default=list)),
                ("previous_hash", models.CharField(blank=True, editable=False, max_length=64)),
                ("previous_until", models.DateTimeField(blank=True, editable=False, null=True)),
                ("rotated_at", models.DateTimeField(blank=True, null=True)),
                (
                    "project",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=models.SET_NULL,
                        related_name="+",
                        to="accounts.project",
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", RANDOM.clone()),
                ("email", models.EmailField(max_length=254)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("admin", "Admin"),
                            ("editor", "Editor"),
                            ("viewer", "Viewer"),
                            ("billing", "Billing"),
                        ],
                        max_length=10,
                    ),
                ),
                ("token_hash", models.CharField(editable=False, max_length=64, null=True, unique=True)),
                ("created_at", MADE.clone()),
                ("expires_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
                ("try_at", models.DateTimeField(default=timezone.now)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("accepted_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "invited_by",
                    models.ForeignKey(
                        on_delete=models.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=models.CASCADE, related_name="invitations", to="accounts.team"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("accepted_at", None), ("ended_at", None), ("sent_at", None)),
                        fields=["try_at"],
                        name="invitation_to_send",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("accepted_at", None), ("ended_at", None)),
                        fields=("team", "email"),
                        name="invitation_once_open",
                    )
                ],
            },
        ),
    ]
