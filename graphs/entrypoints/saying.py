"""Lines on standard error: as wide as the terminal where it is one, else one line that a program can read."""

import shutil
import sys
import textwrap


def say(message: str) -> None:
    """Print the message there."""
    print(as_wide(message), file=sys.stderr)  # noqa: T201 - the line that the caller is owed


def as_wide(message: str) -> str:
    """The message, wrapped at the terminal's width if standard error is one. A path or a command is not broken."""
    if not sys.stderr.isatty():
        return message
    width = shutil.get_terminal_size().columns
    return textwrap.fill(message, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
