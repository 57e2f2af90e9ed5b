"""Text that somebody else chose, with every character that hides or reorders shown as its code point."""

import re
import unicodedata

_BLANK = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0}
"""Letters and marks that draw nothing."""

_PLAIN = re.compile(r"[\n\x20-\x7e\xa1-\xac\xae-\u02ff\u2010-\u2027\u2030-\u205e\u2190-\u22ff]*")
"""Text that needs no look at each character."""


def hides(character: str) -> bool:
    """Whether a reader would not see this character, or would see others in another place because of it."""
    code = ord(character)
    if character == "\n" or character == " ":
        return False
    return (
        unicodedata.category(character) in {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"}
        or code in _BLANK
        or 0xFE00 <= code <= 0xFE0F
        or 0xE0100 <= code <= 0xE01EF
    )


def pieces(text: str) -> list[tuple[str, bool]]:
    """The text in runs: what can be shown as it is, and (True) what is shown as its name, like `U+202E`."""
    if _PLAIN.fullmatch(text):
        return [(text, False)] if text else []
    found: list[tuple[str, bool]] = []
    start = 0
    for place, character in enumerate(text):
        if hides(character):
            if place > start:
                found.append((text[start:place], False))
            found.append((f"U+{ord(character):04X}", True))
            start = place + 1
    if start < len(text):
        found.append((text[start:], False))
    return found


def folded(name: str, room: int) -> str:
    """A long name on lines of its own that break after its separators, and in no word."""
    lines = [""]
    for part in re.split(r"(?<=[/:.@ ])", name):
        if len(lines[-1] + part) > room and lines[-1]:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def printable(text: str, limit: int) -> str:
    """The text for a terminal or a log: one line, nothing hidden, at most `limit` characters."""
    shown = "".join(f"<{piece}>" if hidden else piece for piece, hidden in pieces(" ".join(text.split())))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
