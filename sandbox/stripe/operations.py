"""What an operation of the API is, and the ones that are alike for every type: retrieve, list, update."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.stripe.account import Account, Object, merged_metadata
from sandbox.stripe.errors import BadRequest, missing

Handler = Callable[["Call"], Object]
Keep = Callable[[Object], bool]


class Params(dict[str, Any]):
    """Parameters that remember which of them anybody looked at."""

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__(values)
        self._seen = {"expand"}

    def __getitem__(self, name: str) -> Any:
        self._seen.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._seen.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._seen.add(name)
        return super().get(name, default)

    @property
    def ignored(self) -> list[str]:
        return sorted(self.keys() - self._seen)


@dataclass(slots=True)
class Call:
    """One request: the account, the ids in its path and its parameters, already read."""

    account: Account
    params: Params
    path: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.path["id"]

    def need(self, *names: str) -> None:
        """Raises Stripe's parameter_missing for the first that is absent."""
        for name in names:
            if self.params.get(name) in (None, ""):
                raise missing(name)

    def pick(self, *names: str) -> dict[str, Any]:
        """The parameters that were sent; an empty string unsets."""
        return {
            name: None if self.params[name] == "" else self.params[name]
            for name in names
            if name in self.params
        }

    def metadata(self, old: dict[str, str] | None = None) -> dict[str, str]:
        return merged_metadata(old or {}, self.params.get("metadata"))


@dataclass(frozen=True, slots=True)
class Operation:
    """A method and path under /v1, the SDK's TypedDict of its parameters, and what it does."""

    method: str
    path: str
    shape: str | None
    handler: Handler


PAGING = {"limit", "starting_after", "ending_before", "created", "expand"}


def retrieve(path: str, kind: str, shape: str) -> Operation:
    return Operation("GET", f"{path}/{{id}}", shape, lambda call: call.account.get(kind, call.id))


def listing(path: str, kind: str, shape: str, **filters: str) -> Operation:
    """`filters` maps parameters to the paths of fields they compare with."""

    def handler(call: Call) -> Object:
        for name in call.params.keys() - filters.keys() - PAGING:
            raise BadRequest(f"The stand-in does not filter by {name}.", param=name)
        given = {target: call.params[name] for name, target in filters.items() if name in call.params}
        return page(call, kind, given, f"/v1{path}")

    return Operation("GET", path, shape, handler)


def update(path: str, kind: str, shape: str, event: str | None, *names: str) -> Operation:
    """Change metadata and the named fields."""

    def handler(call: Call) -> Object:
        item = call.account.get(kind, call.id)
        for name in call.params.keys() - set(names) - {"metadata", "expand"}:
            raise BadRequest(f"The stand-in does not change {name}.", param=name)
        changes = call.pick(*names)
        if "metadata" in call.params:
            changes["metadata"] = call.metadata(item["metadata"])
        previous = call.account.save(item, **changes)
        if event and previous:
            call.account.emit(event, item, previous)
        return item

    return Operation("POST", f"{path}/{{id}}", shape, handler)


def page(call: Call, kind: str, where: dict[str, Any], url: str, *, keep: Keep | None = None) -> Object:
    """One page of objects, newest first, as `limit`, `starting_after`, `ending_before` and `created` ask.

    `keep` filters where the fields in `where` cannot.
    """
    store, params = call.account.store, call.params
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        wrong = "greater than or equal to 1" if limit < 1 else "less than or equal to 100"
        message = f"This value must be {wrong} (it currently is '{limit}')."
        raise BadRequest(message, param="limit", code="parameter_invalid_integer")
    if params.get("starting_after") and params.get("ending_before"):
        raise BadRequest("You can only specify one of these parameters: starting_after, ending_before.")
    cursors = {}
    for name, side in (("starting_after", "before"), ("ending_before", "after")):
        if params.get(name):
            call.account.get(kind, params[name], param=name)
            cursors[side] = store.seq(kind, params[name])
    created = params.get("created")
    if isinstance(created, int):
        created = {"gte": created, "lte": created}
    bound = limit + 1 if keep is None else -1
    found = store.find(kind, {**where, "deleted": None}, created=created, limit=bound, **cursors)
    if keep is not None:
        kept = [item for item in found if keep(item)]
        found = kept[-limit - 1 :] if "after" in cursors else kept[: limit + 1]
    more = len(found) > limit
    if more:
        found = found[1:] if "after" in cursors else found[:limit]
    return list_of(found, url, more=more)


def beginning(call: Call, items: list[Object], url: str) -> Object:
    """The first `limit` items of a short list, in their own order."""
    limit = call.params.get("limit", 10)
    return list_of(items[:limit], url, more=len(items) > limit)


def list_of(items: list[Object], url: str, *, more: bool = False) -> Object:
    return {"object": "list", "data": items, "has_more": more, "url": url}
