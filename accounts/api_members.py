"""The API's endpoints for members and invitations: each reads, calls one service and shows the outcome."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services
from accounts.errors import DomainError
from accounts.http import actor_of
from accounts.member_serializers import (
    InvitationInput,
    InvitationOutput,
    InvitationPage,
    InvitedOutput,
    MemberOutput,
    MemberPage,
    PageQuery,
    RoleInput,
)
from accounts.models import Invitation, Membership
from accounts.permissions import MEMBERS_MANAGE, MEMBERS_VIEW
from accounts.rest import ApiView, body_of, empty, link_to_next, refuse_unknown
from accounts.rest_schema import header, problems

NEXT = header("Link", 'The next page, as rel="next".', 200)


class BadCursor(DomainError):
    """The cursor is none of this list's."""

    code = "invalid_cursor"


class Members(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": MEMBERS_VIEW}
    query_parameters_of: ClassVar[dict[str, frozenset[str]]] = {"GET": frozenset(PageQuery().fields)}

    @extend_schema(
        operation_id="list_members",
        summary="List members, longest-standing first",
        tags=["members"],
        parameters=[PageQuery, NEXT],
        responses={200: MemberPage, **problems(400)},
    )
    def get(self, request: Request) -> Response:
        """Needs the scope `admin`."""
        wish = _read(PageQuery, request.query_params)
        members = Membership.objects.filter(team=actor_of(request).team).select_related("user").order_by("pk")
        if cursor := wish.get("cursor"):
            members = members.filter(pk__gt=_number(cursor))
        rows = list(members[: wish["limit"] + 1])
        return _page(request, rows, wish["limit"], MemberPage)


class OneMember(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"PATCH": MEMBERS_MANAGE, "DELETE": MEMBERS_MANAGE}

    @extend_schema(
        operation_id="change_member",
        summary="Give a member another role",
        tags=["members"],
        request=RoleInput,
        responses={200: MemberOutput, **problems(400, 404, 415)},
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Nobody gives a role above their own or changes somebody above them; the last owner stays."""
        if not Membership.objects.filter(team=actor_of(request).team, user=pk).exists():
            raise services.MemberNotFound("There is no such member in this team.")
        wish = _read_body(RoleInput, request)
        changed = services.change_role(actor=actor_of(request), user_id=pk, role=wish["role"])
        return Response(MemberOutput(changed).data)

    @extend_schema(
        operation_id="remove_member",
        summary="Remove a member from the team",
        tags=["members"],
        request=None,
        responses={204: None, **problems(404)},
    )
    def delete(self, request: Request, pk: int) -> Response:
        """They and the keys they made are refused from the next request on. Their clips stay."""
        services.remove_member(actor=actor_of(request), user_id=pk)
        return Response(status=204)


class Invitations(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": MEMBERS_MANAGE, "POST": MEMBERS_MANAGE}
    query_parameters_of: ClassVar[dict[str, frozenset[str]]] = {"GET": frozenset(PageQuery().fields)}

    @extend_schema(
        operation_id="list_invitations",
        summary="Open invitations, newest first",
        tags=["members"],
        parameters=[PageQuery, NEXT],
        responses={200: InvitationPage, **problems(400)},
    )
    def get(self, request: Request) -> Response:
        """Neither accepted nor revoked; those past `expires_at` too. Needs the scope `admin`."""
        wish = _read(PageQuery, request.query_params)
        waiting = services.waiting_invitations(actor_of(request).team)
        if cursor := wish.get("cursor"):
            last = Invitation.objects.filter(team=actor_of(request).team, pk=_uuid(cursor)).first()
            if last is None:
                raise BadCursor("The cursor is not valid. Start again from the first page.")
            waiting = waiting.filter(
                Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk)
            )
        rows = list(waiting[: wish["limit"] + 1])
        return _page(request, rows, wish["limit"], InvitationPage)

    @extend_schema(
        operation_id="create_invitations",
        summary="Invite people by e-mail",
        tags=["members"],
        request=InvitationInput,
        responses={201: InvitedOutput, **problems(400, 415)},
    )
    def post(self, request: Request) -> Response:
        """Whoever can be invited is; `refused` names the others. When nobody can, 422 does."""
        wish = _read_body(InvitationInput, request)
        outcome = services.invite(
            actor=actor_of(request), addresses=wish["emails"], role=wish["role"], now=timezone.now()
        )
        if not outcome.invitations:
            why = {
                str(each.row): [ErrorDetail(f"{each.text} {each.why}", "invalid")] for each in outcome.refused
            }
            raise ValidationError({"emails": why})
        return Response(InvitedOutput(outcome).data, status=201)


class OneInvitation(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"DELETE": MEMBERS_MANAGE}

    @extend_schema(
        operation_id="revoke_invitation",
        summary="Revoke an invitation",
        tags=["members"],
        request=None,
        responses={204: None, **problems(404)},
    )
    def delete(self, request: Request, pk: UUID) -> Response:
        services.revoke_invitation(actor=actor_of(request), invitation_id=pk, now=timezone.now())
        return Response(status=204)


class ResendInvitation(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"POST": MEMBERS_MANAGE}

    @extend_schema(
        operation_id="resend_invitation",
        summary="Send an invitation's e-mail again",
        tags=["members"],
        request=None,
        responses={200: InvitationOutput, **problems(400, 404, 415)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """With a new link for seven days; the one before ends at once. At most once a minute."""
        empty(request)
        sent = services.resend_invitation(actor=actor_of(request), invitation_id=pk, now=timezone.now())
        return Response(InvitationOutput(sent).data)


def _read(shape: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    query = shape(data=data)
    query.is_valid(raise_exception=True)
    wish: dict[str, Any] = query.validated_data
    return wish


def _read_body(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    body = body_of(request)
    refuse_unknown(body.keys() - shape().fields.keys(), "There is no such field.")
    return _read(shape, body)


def _page(
    request: Request,
    rows: Sequence[Membership | Invitation],
    limit: int,
    shape: type[serializers.Serializer[Any]],
) -> Response:
    """`rows` is one longer than the page where another page follows."""
    cursor = str(rows[limit - 1].pk) if len(rows) > limit else None
    data = shape({"data": rows[:limit], "next_cursor": cursor}).data
    return Response(data, headers=link_to_next(request, cursor))


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 18):
        raise BadCursor("The cursor is not valid. Start again from the first page.")
    return int(cursor)


def _uuid(cursor: str) -> UUID:
    try:
        return UUID(cursor)
    except ValueError:
        raise BadCursor("The cursor is not valid. Start again from the first page.") from None
