"""Shapes of projects and API keys in JSON; the rules are in the services."""

from typing import Any

from rest_framework import serializers

from accounts.key_checks import KeyState
from accounts.permissions import SCOPE_PERMISSIONS

NETWORKS_HELP = "Addresses and networks it may be used from, such as `203.0.113.0/24`; none: from anywhere."
PROJECT_HELP = "The project of its clips, unless a request names another one."


class ProjectOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    archived = serializers.BooleanField(source="is_archived", help_text="Whether it takes no new clips.")
    created_at = serializers.DateTimeField()


class ProjectPage(serializers.Serializer[Any]):
    data = ProjectOutput(many=True)  # type: ignore[assignment]  # the framework takes fields off the class
    next_cursor = serializers.CharField(allow_null=True, help_text="Null: a team's projects are one page.")


class ProjectInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=1000)


class ProjectChange(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=1000, required=False)
    archived = serializers.BooleanField(required=False)


class KeyOutput(serializers.Serializer[Any]):
    """A key without its secret."""

    id = serializers.UUIDField(source="key.pk")
    name = serializers.CharField(source="key.name")
    prefix = serializers.CharField(source="key.prefix", help_text="How the key begins.")
    scopes = serializers.ListField(child=serializers.CharField(), source="key.scopes")
    owner = serializers.CharField(source="key.created_by.get_full_name", help_text="Who created it.")
    state = serializers.ChoiceField(choices=[state.value for state in KeyState])
    project = serializers.UUIDField(source="key.project_id", allow_null=True, help_text=PROJECT_HELP)
    networks = serializers.ListField(
        child=serializers.CharField(), source="key.networks", help_text=NETWORKS_HELP
    )
    created_at = serializers.DateTimeField(source="key.created_at")
    expires_at = serializers.DateTimeField(source="key.expires_at", allow_null=True)
    last_used_at = serializers.DateTimeField(
        source="key.last_used_at", allow_null=True, help_text="To the minute."
    )
    revoked_at = serializers.DateTimeField(source="key.revoked_at", allow_null=True)
    rotated_at = serializers.DateTimeField(source="key.rotated_at", allow_null=True)
    old_secret_until = serializers.DateTimeField(
        source="old_until", allow_null=True, help_text="Until when the secret before the rotation works too."
    )


class NewKeyOutput(KeyOutput):
    """A key with its secret, which is shown this once."""

    secret = serializers.CharField(help_text="The whole key, for `Authorization: Bearer`.")
    fal_key = serializers.CharField(help_text="The same key as fal's clients want it: `<id>:<secret>`.")


class KeyPage(serializers.Serializer[Any]):
    data = KeyOutput(many=True)  # type: ignore[assignment]  # the framework takes fields off the class
    next_cursor = serializers.CharField(allow_null=True, help_text="Null: a team's keys are one page.")


class KeyChange(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=1000, required=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    project = serializers.UUIDField(required=False, allow_null=True, help_text=PROJECT_HELP)
    networks = serializers.ListField(
        child=serializers.CharField(max_length=100), required=False, max_length=1000, help_text=NETWORKS_HELP
    )


class KeyInput(KeyChange):
    name = serializers.CharField(max_length=1000)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=list(SCOPE_PERMISSIONS)),
        help_text="What it may do: at most what the key used for this request may do.",
    )


class RotateInput(serializers.Serializer[Any]):
    overlap_hours = serializers.IntegerField(
        min_value=0,
        max_value=168,
        default=24,
        help_text="How long the old secret keeps working, at most 7 days.",
    )
