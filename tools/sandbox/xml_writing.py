"""XML of nested dictionaries, as moto's serializers have them: `@name` is an attribute, `#text` the text, a list repeats."""

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'


def unparse(document: Mapping[str, Any], *, full_document: bool = True, pretty: bool = False, **_: Any) -> str:
    """What `xmltodict.unparse` gives, without its event for each part. Line breaks for readers are left out."""
    made: list[str] = [_HEAD] if full_document else []
    for name, value in document.items():
        _element(name, value, made)
    return "".join(made)


def _element(name: str, value: Any, made: list[str]) -> None:
    for each in value if isinstance(value, list) else (value,):
        if isinstance(each, Mapping):
            _parent(name, each, made)
        else:
            text = _text(each)
            made.append(f"<{name}>{escape(text)}</{name}>" if text else f"<{name}/>")


def _parent(name: str, value: Mapping[str, Any], made: list[str]) -> None:
    attributes = "".join(f" {key[1:]}={quoteattr(_text(each))}" for key, each in value.items() if key[0] == "@")
    children = {key: each for key, each in value.items() if key[0] not in "@#" and each != []}
    text = escape(_text(value.get("#text")))
    if not children and not text:
        made.append(f"<{name}{attributes}/>")
        return
    made.append(f"<{name}{attributes}>")
    for key, each in children.items():
        _element(key, each, made)
    made.append(f"{text}</{name}>")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return "" if value is None else str(value)
