"""Which tags ask that a resource be left alone, near misses included."""

import unicodedata
from collections.abc import Iterable

PROTECTING = ("stanchprotected", "irprotected", "donottouch")
"""Normalised words. Whoever can write tags can write these: they only ever make us ask."""
_NEAR = 2


def normalised(key: str) -> str:
    """NFKC, casefolded, letters and digits only."""
    folded = unicodedata.normalize("NFKC", key).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


def protects(key: str) -> bool:
    """Whether a tag key contains a protecting word, or is at most two edits away from one."""
    word = normalised(key[:256])
    return any(wanted in word or _distance(word, wanted) <= _NEAR for wanted in PROTECTING)


def any_protects(keys: Iterable[str]) -> bool:
    """Whether one of these tag keys protects."""
    return any(protects(key) for key in keys)


def _distance(one: str, other: str) -> int:
    """Levenshtein's distance."""
    if abs(len(one) - len(other)) > _NEAR:
        return _NEAR + 1
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        previous, row = row, [i]
        for j, right in enumerate(other, 1):
            row.append(min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (left != right)))
    return row[-1]
