"""Text that somebody else wrote, made safe to look at."""

import re
import unicodedata

_HOST = re.compile(r"(?<=[^\s.])[.\u3002\uff0e\uff61](?=[^\W\d_]{2})")
"""The dot of `name.example`, as browsers read dots: programs that show mail make a link of it."""
_DRAWS_NOTHING = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10)}
"""Letters and marks that are no control characters and yet not seen."""


def plain(text: str, limit: int) -> str:
    """The text on one line, cut to the limit, with control and invisible characters spelled out."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c if _seen(c) else f"\\u{{{ord(c):x}}}" for c in cut)


def quiet(text: str, limit: int) -> str:
    """Somebody else's text on one line, cut, with nothing that a mail program makes a link of."""
    return _HOST.sub("[.]", plain(text, limit).replace("://", "[:]//"))


def _seen(character: str) -> bool:
    if character == " ":
        return True
    hidden = ord(character) in _DRAWS_NOTHING or 0xE0100 <= ord(character) <= 0xE01EF
    return unicodedata.category(character)[0] not in "CZ" and not hidden
