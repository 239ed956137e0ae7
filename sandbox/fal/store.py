"""Requests and uploaded files on disk, so that a killed stand-in continues where it was."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.fal.records import Record

SCHEMA = """
create table if not exists requests (seq integer primary key, id text unique not null, record text not null);
create table if not exists payloads (id text primary key, body text not null);
create table if not exists files (
    id text primary key, name text not null, content_type text not null,
    size integer not null, expires_at real);
create table if not exists facts (name text primary key, value text not null);
"""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An upload; `expires_at` in Unix seconds, None for never."""

    id: str
    name: str
    content_type: str
    size: int
    expires_at: float | None


class Store:
    """Small synchronous writes of about 0.1 ms: cheaper than handing them to a thread.

    `synchronous=off` survives the death of this process, which is what tests provoke; only the death of
    the whole machine could lose the last writes.
    """

    def __init__(self, directory: Path) -> None:
        for name in ("files", "images", "clips"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._db = sqlite3.connect(directory / "sandbox.sqlite3", isolation_level=None)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=off")
        self._db.executescript(SCHEMA)

    @property
    def files(self) -> Path:
        return self.directory / "files"

    @property
    def images(self) -> Path:
        return self.directory / "images"

    @property
    def clips(self) -> Path:
        return self.directory / "clips"

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def add(self, record: Record, payload: Any) -> None:
        """Keep a new request with its whole input."""
        with self._transaction():
            self._db.execute("insert into requests (id, record) values (?, ?)", (record.id, record.to_json()))
            self._db.execute("insert into payloads values (?, ?)", (record.id, json.dumps(payload)))

    def save(self, record: Record) -> None:
        self._db.execute("update requests set record = ? where id = ?", (record.to_json(), record.id))

    def records(self) -> list[Record]:
        """All requests, oldest first."""
        rows = self._db.execute("select record from requests order by seq")
        return [Record.from_json(row[0]) for row in rows]

    def payload(self, request_id: str) -> Any:
        """The input as it was sent, None once deleted."""
        row = self._db.execute("select body from payloads where id = ?", (request_id,)).fetchone()
        return json.loads(row[0]) if row else None

    def delete_payload(self, request_id: str) -> None:
        self._db.execute("delete from payloads where id = ?", (request_id,))

    def add_file(self, file: StoredFile) -> None:
        self._db.execute(
            "insert or replace into files values (?, ?, ?, ?, ?)",
            (file.id, file.name, file.content_type, file.size, file.expires_at),
        )

    def file(self, file_id: str) -> StoredFile | None:
        row = self._db.execute("select * from files where id = ?", (file_id,)).fetchone()
        return StoredFile(*row) if row else None

    def fact(self, name: str) -> str | None:
        row = self._db.execute("select value from facts where name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_fact(self, name: str, value: str) -> None:
        self._db.execute("insert or replace into facts values (?, ?)", (name, value))

    def clear(self) -> None:
        """Forget every request and upload; the signing key stays."""
        for table in ("requests", "payloads", "files"):
            self._db.execute(f"delete from {table}")  # noqa: S608  names of our own tables
        for path in self.files.iterdir():
            path.unlink(missing_ok=True)

    def close(self) -> None:
        self._db.close()
