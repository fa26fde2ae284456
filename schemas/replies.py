"""Replies: one for each command or query, done or refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.refusal import Code, Refusal
from schemas.strict_json import json_bytes, utc

IdField = Literal["command_id", "query_id"]
CODES: Final = {code.word: code for code in Code}


class FieldErrorShown(BaseModel):
    """One field that is wrong."""

    model_config = ConfigDict(extra="forbid", title="FieldError")

    field: Annotated[str, Field(examples=["data.party_size"])]
    message: str


class ErrorShown(BaseModel):
    """Why it was refused; some codes add fields of their own."""

    model_config = ConfigDict(extra="allow", title="Error")

    code: Annotated[str, Field(json_schema_extra={"enum": list(CODES)})]
    title: str
    detail: str
    retryable: Annotated[
        bool,
        Field(description="Nothing stands of it: send a new command id with the same key."),
    ]
    errors: list[FieldErrorShown]


class Reply(BaseModel):
    """What every reply has; `data` is null when refused, `error` when done."""

    model_config = ConfigDict(extra="forbid")

    operation: str | None
    status: int
    timestamp: datetime
    data: Any
    error: ErrorShown | None


class CommandReply(Reply):
    """The one reply to a command; the id is null when none could be read."""

    command_id: UUID | None


class QueryReply(Reply):
    """The reply to a query; after a crash it may come twice."""

    query_id: UUID | None


def success_body(
    id_field: IdField,
    id_: UUID,
    operation: str,
    status: int,
    timestamp: datetime,
    data: Mapping[str, Any],
) -> bytes:
    """The body of a reply to what was done."""
    return json_bytes(
        {
            id_field: id_,
            "operation": operation,
            "status": status,
            "timestamp": utc(timestamp),
            "data": data,
            "error": None,
        }
    )


def refusal_body(
    id_field: IdField,
    id_: UUID | None,
    operation: str | None,
    timestamp: datetime,
    refusal: Refusal,
) -> bytes:
    """The body of a reply to what was refused."""
    return json_bytes(
        {
            id_field: id_,
            "operation": operation,
            "status": refusal.code.status,
            "timestamp": utc(timestamp),
            "data": None,
            "error": error_json(refusal, id_field),
        }
    )


def error_json(refusal: Refusal, id_field: IdField = "command_id") -> dict[str, Any]:
    """The error object; extras can add fields and never replace one."""
    code = refusal.code
    detail = f"{refusal.detail} {_AGAIN[id_field]}" if code.retryable else refusal.detail
    return {
        **refusal.extras,
        "code": code.word,
        "title": code.title,
        "detail": detail,
        "retryable": code.retryable,
        "errors": [{"field": error.field, "message": error.message} for error in refusal.errors],
    }


_AGAIN: Final[dict[IdField, str]] = {
    "command_id": (
        "Nothing stands of it: send a new command, with a new command_id and the same "
        "idempotency_key."
    ),
    "query_id": "To try again, send a new query.",
}
