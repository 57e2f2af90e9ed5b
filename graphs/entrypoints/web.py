"""HTTP as a function URL or an HTTP API hands it over (payload 2.0): read strictly, answered so that nothing in it runs."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import parse_qs

from agent.record import JsonObject, Record

_PATH = re.compile(r"(?:/[\w$.-]{1,64})?/approvals/(?P<run>(?:run|sbx|card)-[0-9a-f]{12})/?")
_LARGEST = 16_384
"""Bytes of a form: a decision, some ids of actions or runs, a reason."""
FIELDS = 520
"""Fields of a form."""


class Unfit(Record):
    """Why a request is not one of ours."""

    status: int
    why: str


class Asked(Record):
    """One request for the page of a run."""

    method: str
    run_id: str
    """Of a run, or of a card."""
    token: str
    """The one of the address; it lets look."""
    form: dict[str, list[str]] = {}
    """What was posted."""

    @classmethod
    def of(cls, event: Any) -> Self | Unfit:
        """From the payload."""
        held = event if isinstance(event, dict) else {}
        path = _PATH.fullmatch(str(held.get("rawPath", "")))
        method = str(_in(held, "requestContext", "http").get("method", ""))
        if path is None:
            return Unfit(status=404, why="There is nothing here.")
        if method not in ("GET", "POST"):
            return Unfit(status=405, why="Look with GET, answer with POST.")
        try:
            query = parse_qs(str(held.get("rawQueryString", "")), max_num_fields=20)
        except ValueError:
            return Unfit(status=400, why="That is no address of the page.")
        form = _form(held) if method == "POST" else {}
        if isinstance(form, Unfit):
            return form
        return cls(method=method, run_id=path["run"], token=query.get("token", [""])[0], form=form)

    def one(self, name: str) -> str:
        """The posted value of that name; empty if there is none, or more than one."""
        values = self.form.get(name, [])
        return values[0] if len(values) == 1 else ""


def authorizer(event: Any) -> Any:
    """What the gateway says of the sender."""
    return _in(event if isinstance(event, dict) else {}, "requestContext").get("authorizer")


def html(status: int, body: str, policy: str) -> JsonObject:
    """A page that runs nothing, is in nobody's frame, leaks no address and is not kept."""
    return {
        "statusCode": status,
        "headers": {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-store",
        },
        "body": body,
    }


def _form(held: dict[str, Any]) -> dict[str, list[str]] | Unfit:
    headers = held.get("headers")
    kind = next(
        (str(value) for name, value in headers.items() if name.lower() == "content-type")
        if isinstance(headers, Mapping)
        else iter(()),
        "",
    )
    if kind.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        return Unfit(status=415, why="Answer with the form of the page.")
    body = str(held.get("body") or "")
    try:
        raw = base64.b64decode(body, validate=True) if held.get("isBase64Encoded") else body.encode()
        if len(raw) > _LARGEST:
            return Unfit(status=413, why="That is no answer of the page's form.")
        return parse_qs(raw.decode("utf-8"), max_num_fields=FIELDS, strict_parsing=True)
    except (binascii.Error, UnicodeError, ValueError):
        return Unfit(status=400, why="That is no answer of the page's form.")


def _in(held: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        inner = held.get(name)
        held = inner if isinstance(inner, dict) else {}
    return held
