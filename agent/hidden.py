"""Characters that a reader does not see, or that change what is seen around them."""

import unicodedata

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_BLANK = set("\u034f\u115f\u1160\u1680\u17b4\u17b5\u2800\u3164\uffa0")


def hidden(char: str) -> bool:
    """Whether the character is invisible, blank, a control, or one that selects or reorders others."""
    selects = "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef" or "\u180b" <= char <= "\u180f"
    odd_space = char != " " and unicodedata.category(char) == "Zs"
    return selects or odd_space or char in _BLANK or unicodedata.category(char) in _INVISIBLE
