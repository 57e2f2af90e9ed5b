"""Read JSON that somebody else wrote: every value with its path, and a refusal instead of a guess."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from pydantic import JsonValue

from agent.finding import Reason, Refusal, Untrusted
from agent.secret_text import capped, without_secrets

DETAIL_LIMIT = 200
TEXT_LIMIT = 4096
_PRINTABLE = re.compile(r"[\x20-\x7e]+")


class Unfit(Exception):
    """What was read is no finding; carries the refusal that says why."""

    def __init__(self, reason: Reason, where: str, detail: str) -> None:
        super().__init__(detail)
        self.refusal = Refusal(reason=reason, where=where or "$", detail=detail[:DETAIL_LIMIT])


def quote(text: str, limit: int = 60) -> str:
    """A bounded excerpt in which no character can act and no secret stands: ASCII only, the rest escaped."""
    text = without_secrets(capped(text, TEXT_LIMIT))
    shown = ascii(text[:limit])
    return shown[: limit + 2] + "…'" if len(text) > limit or len(shown) > limit + 2 else shown


def untrusted(text: str | None) -> Untrusted:
    """Somebody's prose: capped, and without secrets, which nobody needs to judge it."""
    return Untrusted(text=without_secrets(capped(text or "", TEXT_LIMIT))[:TEXT_LIMIT])


@lru_cache(maxsize=512)
def _casings(name: str) -> list[str]:
    """`accountId` as the event, the API and a Python dump write it."""
    return [name, name[:1].upper() + name[1:], re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()]


@dataclass(frozen=True)
class Node:
    """One JSON value and where in the event it stands. A missing value reads as null."""

    value: JsonValue
    path: str = ""

    def at(self, *names: str) -> "Node":
        """The value under these field names, exactly as written."""
        node = self
        for name in names:
            inner = node.value.get(name) if isinstance(node.value, dict) else None
            node = Node(inner, f"{node.path}.{name}" if node.path else name)
        return node

    def loose(self, *names: str) -> "Node":
        """The value under these field names, in the casing of an event, of the API, or of a Python dump."""
        node = self
        for name in names:
            held = node.value if isinstance(node.value, dict) else {}
            node = node.at(next((casing for casing in _casings(name) if casing in held), name))
        return node

    def items(self) -> Iterator["Node"]:
        """The elements, if this is a list; otherwise none."""
        if isinstance(self.value, list):
            for index, value in enumerate(self.value):
                yield Node(value, f"{self.path}[{index}]")

    @property
    def kind(self) -> str:
        """What it is, in JSON's words."""
        names = {
            bool: "a boolean",
            int: "a number",
            float: "a number",
            str: "a string",
            list: "a list",
            dict: "an object",
        }
        return names.get(type(self.value), "null")

    @property
    def text(self) -> str | None:
        """The string, if it is one that is not empty, with what is not valid Unicode replaced."""
        if not isinstance(self.value, str) or not self.value:
            return None
        return self.value if self.value.isascii() else self.value.encode("utf-8", "replace").decode("utf-8")

    @property
    def flag(self) -> bool:
        """Whether it says true, as a boolean or as the word."""
        return self.value is True or (isinstance(self.value, str) and self.value.lower() == "true")

    def object(self) -> "Node":
        """This, if it is an object or missing; anything else is malformed."""
        if self.value is not None and not isinstance(self.value, dict):
            raise self.malformed(f"expected an object, found {self.kind}")
        return self

    def elements(self) -> list["Node"]:
        """Its objects, if it is a list of objects or missing; anything else is malformed."""
        if self.value is not None and not isinstance(self.value, list):
            raise self.malformed(f"expected a list, found {self.kind}")
        return [item.object() for item in self.items()]

    def needed(self, limit: int = 512) -> str:
        """A printable ASCII string that must be there."""
        if self.value is None or self.value == "":
            raise self.malformed("missing")
        if not isinstance(self.value, str):
            raise self.malformed(f"expected a string, found {self.kind}")
        if len(self.value) > limit or not _PRINTABLE.fullmatch(self.value):
            raise self.malformed(f"not printable ASCII of at most {limit} characters: {quote(self.value)}")
        return self.value

    def malformed(self, detail: str) -> Unfit:
        """The refusal that points here."""
        return Unfit(Reason.MALFORMED, self.path, f"{self.path or 'the event'}: {detail}")

    def empty(self, detail: str) -> Unfit:
        """The refusal of something well-formed that holds nothing to work."""
        return Unfit(Reason.NO_FINDINGS, self.path, f"{self.path or 'the event'}: {detail}")

    def unsupported(self, detail: str) -> Unfit:
        """The refusal of something well-formed that we do not know."""
        return Unfit(Reason.UNSUPPORTED, self.path, f"{self.path or 'the event'}: {detail}")
