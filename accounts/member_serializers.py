"""Shapes of JSON about members and invitations; every rule is elsewhere."""

from typing import Any

from rest_framework import serializers

from accounts.models import Role
from accounts.services.invitations import MOST_AT_ONCE


class PageQuery(serializers.Serializer[Any]):
    """The list's query parameters."""

    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)
    cursor = serializers.CharField(required=False, help_text="`next_cursor` of the page before.")


class MemberOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="user_id", help_text="As in the filters `member` of other lists.")
    email = serializers.CharField(source="user.email")
    name = serializers.CharField(source="user.name", allow_blank=True)
    role = serializers.ChoiceField(choices=Role.choices)
    joined_at = serializers.DateTimeField(source="created_at")
    last_seen_at = serializers.DateTimeField(
        allow_null=True, help_text="On the website, to the hour; calls of the API do not count."
    )


class MemberPage(serializers.Serializer[Any]):
    data = MemberOutput(many=True)  # type: ignore[assignment]  # the framework takes fields off the class
    next_cursor = serializers.CharField(allow_null=True)


class RoleInput(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.choices)


class InvitationOutput(serializers.Serializer[Any]):
    """Never with its link: that stands in the e-mail alone."""

    id = serializers.UUIDField()
    email = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    invited_by = serializers.CharField(source="invited_by.email")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True, help_text="When the e-mail went out; null before.")


class InvitationPage(serializers.Serializer[Any]):
    data = InvitationOutput(many=True)  # type: ignore[assignment]  # the framework takes fields off the class
    next_cursor = serializers.CharField(allow_null=True)


class InvitationInput(serializers.Serializer[Any]):
    emails = serializers.ListField(
        child=serializers.CharField(max_length=320),
        min_length=1,
        max_length=MOST_AT_ONCE,
        help_text="Each gets an e-mail of their own.",
    )
    role = serializers.ChoiceField(choices=Role.choices, help_text="At most your own.")


class NotInvitedOutput(serializers.Serializer[Any]):
    row = serializers.IntegerField(help_text="The place in `emails`, from 0.")
    email = serializers.CharField(source="text")
    message = serializers.CharField(source="why", help_text="A sentence for people.")


class InvitedOutput(serializers.Serializer[Any]):
    data = InvitationOutput(many=True, source="invitations")  # type: ignore[assignment]  # as above
    refused = NotInvitedOutput(many=True, help_text="Members, those invited already, and what is no address.")
