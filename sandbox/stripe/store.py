"""Stripe's objects on disk, so that a killed stand-in continues where it was."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = """
create table if not exists objects (
    seq integer primary key, id text unique not null, kind text not null, body text not null);
create index if not exists objects_of_kind on objects (kind, seq);
create table if not exists jobs (
    id integer primary key, due real not null, kind text not null, subject text not null, data text not null);
create table if not exists replies (
    key text primary key, address text not null, params text not null, status integer not null,
    body text not null, request_id text not null, created real not null);
create table if not exists deliveries (
    seq integer primary key, event text not null, type text not null, endpoint text not null,
    attempt integer not null, status integer, error text, faults text not null, at real not null);
create table if not exists facts (name text primary key, value text not null);
"""
CLAIMED = 1e12  # seconds; added to the time of a job that is being done
TABLES = ("objects", "jobs", "replies", "deliveries")


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do at `due`, in seconds of the account's clock."""

    id: int
    due: float
    kind: str
    subject: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What an idempotency key was answered; `created` in seconds of the account's clock."""

    key: str
    address: str
    params: str
    status: int
    body: str
    request_id: str
    created: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to deliver an event; `status` None when nobody answered."""

    event: str
    type: str
    endpoint: str
    attempt: int
    status: int | None
    error: str | None
    faults: str
    at: float


class Store:
    """Small synchronous writes, committed together with `transaction`.

    `synchronous=off` survives the death of this process; only the death of the machine could lose the last writes.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(directory / "stripe.sqlite3", isolation_level=None)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=off")
        self._db.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._db.execute("begin")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    # -- objects

    def put(self, item: dict[str, Any]) -> None:
        """Insert or replace by id; the place in lists stays that of the first insert."""
        self._db.execute(
            "insert into objects (id, kind, body) values (?, ?, ?)"
            " on conflict (id) do update set body = excluded.body",
            (item["id"], item["object"], json.dumps(item, separators=(",", ":"))),
        )

    def get(self, object_id: str) -> dict[str, Any] | None:
        row = self._db.execute("select body from objects where id = ?", (object_id,)).fetchone()
        return json.loads(row[0]) if row else None

    def delete(self, object_id: str) -> None:
        self._db.execute("delete from objects where id = ?", (object_id,))

    def seq(self, kind: str, object_id: str) -> int | None:
        row = self._db.execute(
            "select seq from objects where id = ? and kind = ?", (object_id, kind)
        ).fetchone()
        return row[0] if row else None

    def find(
        self,
        kind: str,
        where: dict[str, Any] | None = None,
        *,
        created: dict[str, int] | None = None,
        before: int | None = None,
        after: int | None = None,
        limit: int = -1,
    ) -> list[dict[str, Any]]:
        """Objects of a kind, newest first.

        `where` compares fields by their path (`metadata.team`); `created` bounds the time by gt, gte, lt, lte;
        `before` and `after` are sequence numbers. With `after` the page is the one next to it.
        """
        conditions: list[str] = ["kind = ?"]
        values: list[Any] = [kind]
        for path, value in (where or {}).items():
            conditions.append("json_extract(body, ?) is ?")
            values += [_json_path(path), int(value) if isinstance(value, bool) else value]
        for name, moment in (created or {}).items():
            conditions.append(f"json_extract(body, '$.created') {COMPARE[name]} ?")
            values.append(moment)
        for sign, seq in (("<", before), (">", after)):
            if seq is not None:
                conditions.append(f"seq {sign} ?")
                values.append(seq)
        order = "asc" if after is not None else "desc"
        query = f"select body from objects where {' and '.join(conditions)} order by seq {order} limit ?"  # noqa: S608
        found = [json.loads(row[0]) for row in self._db.execute(query, (*values, limit))]
        return found[::-1] if after is not None else found

    # -- jobs

    def add_job(self, due: float, kind: str, subject: str, data: dict[str, Any]) -> None:
        self._db.execute(
            "insert into jobs (due, kind, subject, data) values (?, ?, ?, ?)",
            (due, kind, subject, json.dumps(data)),
        )

    def claim_job(self, job_id: int) -> None:
        """Nobody else finds it until it is removed or this process has died."""
        self._db.execute("update jobs set due = due + ? where id = ?", (CLAIMED, job_id))

    def unclaim_jobs(self) -> None:
        self._db.execute("update jobs set due = due - ? where due > ?", (CLAIMED, CLAIMED))

    def jobs(self, until: float) -> list[Job]:
        """What is due, earliest first."""
        query = "select * from jobs where due <= ? and kind <> 'withheld' order by due, id"
        rows = self._db.execute(query, (until,)).fetchall()
        return [Job(row[0], row[1], row[2], row[3], json.loads(row[4])) for row in rows]

    def next_due(self) -> float | None:
        query = "select min(due) from jobs where due < ? and kind <> 'withheld'"
        return self._db.execute(query, (CLAIMED,)).fetchone()[0]

    def release(self, due: float, *, newest_first: bool) -> int:
        """Deliver what was withheld, in the order of the events or the opposite one."""
        order = "desc" if newest_first else "asc"
        rows = self._db.execute(f"select id from jobs where kind = 'withheld' order by id {order}").fetchall()  # noqa: S608
        for place, row in enumerate(rows):
            values = (due + place * 0.02, row[0])
            self._db.execute("update jobs set kind = 'deliver', due = ? where id = ?", values)
        return len(rows)

    def remove_job(self, job_id: int) -> bool:
        return self._db.execute("delete from jobs where id = ?", (job_id,)).rowcount == 1

    # -- idempotency keys

    def reply(self, key: str) -> Reply | None:
        row = self._db.execute("select * from replies where key = ?", (key,)).fetchone()
        return Reply(*row) if row else None

    def keep_reply(self, reply: Reply) -> None:
        self._db.execute(
            "insert or replace into replies values (?, ?, ?, ?, ?, ?, ?)",
            tuple(getattr(reply, name) for name in Reply.__slots__),
        )

    def prune_replies(self, before: float) -> None:
        self._db.execute("delete from replies where created < ?", (before,))

    # -- deliveries and facts

    def note(self, delivery: Delivery) -> None:
        self._db.execute(
            "insert into deliveries (event, type, endpoint, attempt, status, error, faults, at)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            tuple(getattr(delivery, name) for name in Delivery.__slots__),
        )

    def deliveries(self) -> list[Delivery]:
        """Every attempt, oldest first."""
        rows = self._db.execute(f"select {', '.join(Delivery.__slots__)} from deliveries order by seq")  # noqa: S608
        return [Delivery(*row) for row in rows]

    def fact(self, name: str) -> str | None:
        row = self._db.execute("select value from facts where name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_fact(self, name: str, value: str) -> None:
        self._db.execute("insert or replace into facts values (?, ?)", (name, value))

    def clear(self) -> None:
        """Forget everything but facts and webhook endpoints."""
        self._db.execute("delete from objects where kind <> 'webhook_endpoint'")
        for table in TABLES[1:]:
            self._db.execute(f"delete from {table}")  # noqa: S608  names of our own tables

    def close(self) -> None:
        self._db.close()


COMPARE = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def _json_path(path: str) -> str:
    """`metadata.team` as SQLite writes it; names are quoted because metadata may contain anything."""
    head, _, tail = path.partition(".")
    return f'$.{head}."{tail}"' if tail else f"$.{head}"
