"""fal's key check: any well-formed key is an account of its own, unless a knob refuses it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from starlette.requests import Request

from sandbox.fal.engine import Engine
from sandbox.fal.errors import account_failure
from sandbox.fal.replies import Refused, failure_reply, reply


@dataclass(frozen=True, slots=True)
class Key:
    """A caller; the secret itself is never kept."""

    id: str
    digest: str


def key_of(request: Request) -> Key:
    """The caller's key. Raises Refused with fal's 401."""
    engine: Engine = request.app.state.engine
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if not credentials:
        raise Refused(reply({"detail": "Authentication is required to access this application."}, 401))
    key_id, colon, secret = credentials.strip().partition(":")
    if scheme.lower() != "key" or not (key_id and colon and secret) or ":" in secret:
        raise Refused(failure_reply(account_failure("invalid_key_format")))
    refused = engine.knobs.refused_keys
    if key_id in refused or f"{key_id}:{secret}" in refused:
        raise Refused(failure_reply(account_failure("invalid_key")))
    return Key(key_id, hashlib.sha256(f"{key_id}:{secret}".encode()).hexdigest())


def refuse_when_locked(engine: Engine) -> None:
    """Raises Refused with fal's 403 while the account is locked or its balance is spent."""
    reason = engine.knobs.locked
    if reason is None and engine.balance() <= 0:
        reason = "Exhausted balance"
    if reason is not None:
        raise Refused(failure_reply(account_failure("account_locked", reason=reason)))


def upload_token(engine: Engine, key: Key, expires_at: int) -> str:
    """A bearer token for uploads: who, until when, and a proof."""
    claim = f"{key.id}.{key.digest}.{expires_at}"
    return f"{claim}.{_proof(engine, claim)}"


def token_is_good(engine: Engine, token: str, now: float) -> bool:
    claim, _, proof = token.rpartition(".")
    expires_at = claim.rpartition(".")[2]
    return (
        hmac.compare_digest(proof, _proof(engine, claim)) and expires_at.isdigit() and int(expires_at) > now
    )


def _proof(engine: Engine, claim: str) -> str:
    secret = (engine.store.fact("signing_seed") or "").encode()
    return hmac.new(secret, f"upload:{claim}".encode(), hashlib.sha256).hexdigest()
