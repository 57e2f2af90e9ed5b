"""Masking: what may be read of names, numbers and prose of others, and the way back for people."""

import ipaddress
import re
import unicodedata

from agent.hidden import hidden
from agent.secret_text import Found, beneath, capped, replaced, secrets, together
from agent.target import GLOBAL, Target, TargetKind

SWEEP_LIMIT = 4096
"""Characters of one text that are looked at at all; the rest is cut off before any pattern runs."""

TEXT_LIMIT = 300
"""Characters of one text that are shown."""

_GUILLEMETS = str.maketrans("", "", "«»")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_TYPES = {TargetKind.ACCESS_KEY: "KEY", TargetKind.ROLE_SESSION: "SESSION"}
_PRIVATE = [
    ipaddress.ip_network(cidr)
    for cidr in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.168.0.0/16", "::/128", "::1/128", "fc00::/7", "fe80::/10",
    )
]  # fmt: skip

_WIDE = [
    ("ARN", r"\barn:aws[a-z-]{0,20}:[a-z0-9-]{1,40}:[a-z0-9-]{0,30}:\d{0,12}:[^\s\"'<>,;)\]}\\]{1,512}(?<![.:])"),
    ("EMAIL", r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"),
]
_NARROW = [
    ("KEY", r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{12,28}(?![A-Z0-9])"),
    ("ID", r"(?<![A-Z0-9])(?:AIDA|AROA|AIPA|ANPA|AGPA|ANVA|ASCA|APKA|ABIA|ACCA)[A-Z0-9]{12,28}(?![A-Z0-9])"),
    ("RESOURCE", r"\b[a-z]{1,12}-(?:[0-9a-f]{17}|[0-9a-f]{8})\b"),
    ("HOST", r"\bip-\d{1,3}(?:-\d{1,3}){3}\b"),
    ("IP", r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)"),
    ("IP6", r"(?<![0-9A-Fa-f:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:\.\d{1,3}){3})?(?![\w:])"),
    ("ACCOUNT", r"(?<!\d)\d{12}(?!\d)|(?<![\w-])\d{4}(?:-\d{4}-| \d{4} )\d{4}(?![\w-])"),
]


def visible(text: str) -> str:
    """The text in NFKC, with control, invisible and bidirectional characters written out, like `\\u{200b}`."""
    return "".join(
        _SHORT.get(char, f"\\u{{{ord(char):x}}}") if hidden(char) else char
        for char in unicodedata.normalize("NFKC", text)
    )


def cut(text: str, limit: int) -> str:
    """The text in at most `limit` characters, never ending within a pseudonym."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    opened = head.rfind("«")
    return (head[:opened] if opened > head.rfind("»") else head) + "…"


class Masker:
    """Typed pseudonyms for one run: equal things get equal ones, numbered in the order in which they are first seen.

    `nonce` is the run's own, derived by the caller so that a replay gives the same bytes. Somebody else's text cannot hold
    a pseudonym: guillemets are taken out of it first. A name is found in free text only after `target` or `principal` was
    called with it (and if it has more than two characters), so call those before `text`.
    """

    def __init__(self, nonce: str) -> None:
        if not re.fullmatch(r"[0-9a-z]{4,16}", nonce):
            raise ValueError("a nonce is 4 to 16 lower-case letters and digits")
        self._nonce = nonce
        self._tokens: dict[tuple[str, str], str] = {}
        self._originals: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._names: dict[str, str] = {}
        self._token = re.compile(rf"«([A-Z_0-9]{{1,30}})\.{nonce}(?: [a-z0-9 _-]{{1,80}})?»")
        self._sweep = _sweep_for([])

    def target(self, target: Target) -> str:
        """The pseudonym of a target. The same name in two accounts has two."""
        if target.kind is TargetKind.ADDRESS:
            return self._address(target.id)
        token = self._issue(_TYPES.get(target.kind, target.kind.value.upper()), target.key, target.id)
        if target.id not in self._names and len(target.id) > 2:
            self._names[target.id] = token
            self._sweep = _sweep_for(list(self._names))
        return token

    def owner(self, target: Target) -> str | None:
        """The pseudonym of the user or role that holds a target: the one which that has as a target itself."""
        if target.owner is None:
            return None
        kind = TargetKind.USER if target.kind is TargetKind.ACCESS_KEY else TargetKind.ROLE
        where = {"account": target.account, "region": GLOBAL, "partition": target.partition}
        return self.target(Target(kind=kind, id=target.owner, **where))

    def account(self, account: str) -> str:
        """The pseudonym of an account id."""
        return self._issue("ACCOUNT", account, account)

    def text(self, raw: str, limit: int = TEXT_LIMIT) -> str:
        """Somebody else's text: capped, without secrets, identifiers replaced, nothing hidden. At most `limit` characters."""
        text = capped(unicodedata.normalize("NFKC", capped(raw, SWEEP_LIMIT)).translate(_GUILLEMETS), SWEEP_LIMIT)
        return cut(visible(replaced(text, beneath(text, self._found_in))), limit)

    def unmask(self, text: str) -> str:
        """The text with this run's pseudonyms replaced by what they stand for. Others stay as they are."""
        return self._token.sub(lambda match: self._originals.get(match.group(1), match.group()), text)

    def _found_in(self, text: str) -> list[Found]:
        """Secrets first; names and numbers in what is left."""
        removed = secrets(text, self._names)
        left = replaced(text, [each.model_copy(update={"shown": " " * (each.end - each.start)}) for each in removed])
        swept = self._sweep.finditer(left)
        named = [Found(start=m.start(), end=m.end(), shown=self._replace(m), secret=False) for m in swept]
        return together([*removed, *named])

    def _replace(self, match: re.Match[str]) -> str:
        kind, literal = str(match.lastgroup), match.group()
        if literal in self._names:
            return self._names[literal]
        if kind in ("IP", "IP6"):
            return self._written_address(literal)
        if kind == "ARN":
            name = re.split(r"[/:]", literal)[-1]
            of = self._names.get(name, "").removeprefix("«").split(".")[0].lower()
            return self._issue(kind, literal, literal, f"of {of}" if of else "")
        if kind == "ACCOUNT":
            return self.account(re.sub(r"\D", "", literal))
        return self._issue(kind, literal, literal)

    def _written_address(self, literal: str) -> str:
        for prefix in ("", ":"):
            try:
                return prefix + self._address(str(ipaddress.ip_address(literal.removeprefix(prefix))))
            except ValueError:
                continue
        return literal

    def _address(self, literal: str) -> str:
        network = ipaddress.ip_network(literal, strict=False)
        plain = str(network.network_address) if network.num_addresses == 1 else str(network)
        private = any(each.version == network.version and each.supernet_of(network) for each in _PRIVATE)  # type: ignore[arg-type]  # versions are equal
        size = "" if network.num_addresses == 1 else f" network of {network.prefixlen} bits"
        return self._issue("IP", plain, plain, f"{'private' if private else 'public'}{size}")

    def _issue(self, kind: str, key: str, original: str, attributes: str = "") -> str:
        if (kind, key) not in self._tokens:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            name = f"{kind}{self._counts[kind]}"
            self._tokens[kind, key] = f"«{name}.{self._nonce}{' ' if attributes else ''}{attributes}»"
            self._originals[name] = original
        return self._tokens[kind, key]


def _sweep_for(names: list[str]) -> re.Pattern[str]:
    """One pattern in one pass, so that nothing is replaced within a replacement. The longest name wins."""
    known = "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name)))
    named = [("NAME", rf"(?<![\w-])(?:{known})(?![\w-])")] if known else []
    return re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in [*_WIDE, *named, *_NARROW]))
