"""A person's name, as it is compared and kept."""

import re
import unicodedata

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")


def canonical(name: str) -> str | None:
    """The one form of a name; None if it is none: `Dana ` is `dana`, a look-alike letter is nobody."""
    plain = unicodedata.normalize("NFKC", name).strip().casefold()
    return plain if _NAME.fullmatch(plain) else None
