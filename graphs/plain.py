"""Text that somebody else wrote, made safe to look at."""

import unicodedata


def plain(text: str, limit: int) -> str:
    """The text on one line, cut to the limit, with control and invisible characters spelled out."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c if c == " " or unicodedata.category(c)[0] not in "CZ" else f"\\u{{{ord(c):x}}}" for c in cut)
