"""Secrets in somebody else's text: found by their shape and taken out for good, with no way back."""

import json
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator

from pydantic import JsonValue

from agent.hidden import hidden
from agent.record import JsonObject, Record

_WORDS = (
    r"pass(?:word|wd|phrase)|pwd|(?<!:)secret(?!s?manager)|token|api[_-]?key|private[_-]?key|account[_-]?key|signature"
    r"|connection[_-]?string"
)
_SPOKEN = r"pass(?:word|wd|phrase)|pwd|secret(?:[ _-]key)?|token|api[ _-]?key"
_VALUE = r"(?!\[removed: )(?:\"[^\"\r\n]{1,512}\"?|'[^'\r\n]{1,512}'?|[^\s\"',;&]{1,2048})"

_SHAPES = [
    (
        "private key",
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY[\s\S]{0,4096}?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)",
    ),
    ("JWT", r"(?<![\w-])eyJ[\w-]{5,4096}\.[\w-]{2,4096}(?:\.[\w-]{0,4096})?"),
    ("token", r"gh[pousr]_[A-Za-z0-9]{16,255}|github_pat_\w{16,255}|glpat-[\w-]{16,255}|npm_[A-Za-z0-9]{30,255}"),
    ("token", r"xox[a-z]-[A-Za-z0-9-]{8,255}|xapp-[A-Za-z0-9-]{8,255}|hooks\.slack\.com/services/[\w/]{10,120}"),
    ("token", r"(?<!\w)sk-[\w-]{20,255}|[sr]k_live_[A-Za-z0-9]{16,255}|AIza[\w-]{30,60}|ABSK[A-Za-z0-9+/=]{20,512}"),
    ("token", r"(?<!\w)(?:hv[sbr]|SG)\.[\w-]{16,255}(?:\.[\w-]{16,255})?"),
    ("authorization", r"(?i:(?<![a-z])(?:bearer|basic)\s{1,3}[\w.~+/=-]{8,2048})"),
    ("personal number", r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"),
    ("phone number", r"(?<![\w+])\+\d(?:[ ().-]{0,3}\d){8,14}(?!\d)"),
    ("phone number", r"(?<![\w.-])(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w.-])"),
    ("password", r"(?<=://)[^\s/@:]{1,128}:[^\s/@]{1,256}(?=@)"),
]
_PATTERNS = [(label, re.compile(pattern)) for label, pattern in _SHAPES]

_NAMED = [
    re.compile(
        rf"(?i)(?:(?:{_WORDS})[\w.-]{{0,24}}[\"'\\]{{0,4}}\s{{0,3}}[:=](?!:)\s{{0,3}}\\?|--?[\w-]{{0,20}}(?:{_WORDS})\s{{1,3}})({_VALUE})"
    ),
    re.compile(rf"(?i)(?:{_SPOKEN})\s{{1,3}}(?:is|was)(?:\s{{0,3}}:\s{{0,3}}|\s{{1,3}})({_VALUE})"),
    re.compile(rf"(?i)(?<![\w-])sig=({_VALUE})"),
]
"""The name stays, so that a reader still sees what was there: `password=[removed: value]`."""
_RUN = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}|[A-Za-z0-9_-]{40,}={0,2}")
KEY = 40
"""Characters of an AWS secret key."""
_LONG = 100
"""A session token is longer than this, and nothing that a reader needs is."""
_WORD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-."
_CARD = re.compile(r"(?<![\w-])[2-6]\d(?:[ -]?\d){11,17}(?![\w-])")


_LARGE = 20_000
"""Characters of one field of a resource that are kept."""


class Found(Record):
    """What stands from `start` to `end` of a text, and what is shown in its place."""

    start: int
    end: int
    shown: str
    secret: bool = True


def secrets(text: str, names: Collection[str] = ()) -> list[Found]:
    """Every secret in the text, in order and apart. The caller caps its length first. A run that is a known name is none."""
    return together([*_shaped(text), *_cards(text), *_named(text), *_runs(text, names)])


def capped(text: str, limit: int) -> str:
    """At most so many characters; a word that the cut went through goes whole, as half a secret has no shape."""
    return text if len(text) <= limit else text[:limit].rstrip(_WORD)[: limit - 1] + "…"


def beneath(text: str, find: Callable[[str], list[Found]]) -> list[Found]:
    """What is found in the text, whether or not something invisible stands within it; in order and apart."""
    places = [place for place, char in enumerate(text) if char.isspace() or not hidden(char)]
    if len(places) == len(text):
        return find(text)
    bare = [
        each.model_copy(update={"start": places[each.start], "end": places[each.end - 1] + 1})
        for each in find("".join(text[place] for place in places))
    ]
    return together([*bare, *find(text)])


def without_secrets(text: str) -> str:
    """The text with every secret in it taken out for good; one without any stays as it is, to the byte.

    The caller caps its length first, and takes care that no cut goes through a word.
    """
    normal = unicodedata.normalize("NFKC", text)
    found = beneath(normal, secrets)
    return replaced(normal, found) if found else text


def differing(found: JsonObject, wanted: JsonObject) -> JsonObject:
    """The fields that read otherwise than wanted, without secrets; one that is very long is told by its length."""
    return {name: _kept(value) for name, value in found.items() if value != wanted.get(name)}


def _kept(value: JsonValue) -> JsonValue:
    size = len(json.dumps(value))
    return f"{size} characters" if size > _LARGE else _bare(value)


def _bare(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, list):
        return [_bare(each) for each in value]
    return {name: _bare(each) for name, each in value.items()} if isinstance(value, dict) else value


def together(found: list[Found]) -> list[Found]:
    """The same, in order; what overlaps is one, and a secret if part of it is."""
    apart: list[Found] = []
    for each in sorted(found, key=lambda one: (one.start, -one.end)):
        last = apart[-1] if apart else None
        if last is None or each.start >= last.end:
            apart.append(each)
            continue
        shown = last.shown if last.secret or not each.secret else each.shown
        both = {"end": max(last.end, each.end), "shown": shown, "secret": last.secret or each.secret}
        apart[-1] = last.model_copy(update=both)
    return apart


def replaced(text: str, found: list[Found]) -> str:
    """The text with each of these shown as it should be. They are in order and apart."""
    parts, done = [], 0
    for each in found:
        parts += [text[done : each.start], each.shown]
        done = each.end
    return "".join([*parts, text[done:]])


def _shaped(text: str) -> Iterator[Found]:
    for label, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            yield _removed(match, 0, label)


def _cards(text: str) -> Iterator[Found]:
    for match in _CARD.finditer(text):
        if _luhn([int(char) for char in match.group() if char.isdigit()]):
            yield _removed(match, 0, "card number")


def _named(text: str) -> Iterator[Found]:
    for pattern in _NAMED:
        for match in pattern.finditer(text):
            yield _removed(match, 1, "value")


def _runs(text: str, names: Collection[str]) -> Iterator[Found]:
    for match in _RUN.finditer(text):
        label = _run(match.group())
        if label and match.group() not in names:
            yield _removed(match, 0, label)
        for start in () if label else _keys_within(match.group()):
            at = match.start() + start
            if text[at : at + KEY] not in names:
                yield Found(start=at, end=at + KEY, shown="[removed: AWS secret key]")


def _removed(match: re.Match[str], group: int, label: str) -> Found:
    return Found(start=match.start(group), end=match.end(group), shown=f"[removed: {label}]")


def _run(run: str) -> str:
    """A run of base64: AWS secret keys are 40 characters of mixed case and digits, session tokens are long.

    In the alphabet of URLs it could be a name of words joined by hyphens: a secret has a long piece that is no word.
    """
    if len(run) >= _LONG:
        return "long token"
    if set(run) & set("-_"):
        return "token" if any(len(piece) >= 12 and _mixed(piece) for piece in re.split(r"[-_]", run)) else ""
    return "AWS secret key" if _is_key(run) else ""


def _keys_within(run: str) -> Iterator[int]:
    """Where a secret key could stand in a longer run: a path is written in the same letters as a key, `/` and `+` too."""
    for start in range(len(run) - KEY + 1):
        end = start + KEY
        begins, ends = start == 0 or run[start - 1] in "/+", end == len(run) or run[end] in "/+="
        if begins and ends and _is_key(run[start:end]):
            yield start


def _is_key(run: str) -> bool:
    return len(run) == KEY and _mixed(run) and run.count("/") < 5


def _mixed(run: str) -> bool:
    return any(c.islower() for c in run) and any(c.isupper() for c in run) and any(c.isdigit() for c in run)


def _luhn(digits: list[int]) -> bool:
    """Whether the last digit checks the others, as on payment cards."""
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0
