"""Amounts in words: one of a thing, and several of it."""


def plural(count: int, noun: str, several: str = "") -> str:
    """`1 source`, `4 sources`; `several` for what takes more than an s."""
    return f"{count} {noun if count == 1 else several or noun + 's'}"
