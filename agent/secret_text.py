"""Secrets in somebody else's text: found by their shape and taken out for good, with no way back."""

import re

_WORDS = (
    r"pass(?:word|wd|phrase)|pwd|(?<!:)secret(?!s?manager)|token|api[_-]?key|private[_-]?key|account[_-]?key|signature"
    r"|connection[_-]?string"
)
_VALUE = r"(?:\"[^\"\r\n]{1,512}\"?|'[^'\r\n]{1,512}'?|[^\s\"',;&]{1,2048})"

_SHAPES = [
    (
        "private key",
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY[\s\S]{0,4096}?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)",
    ),
    ("JWT", r"(?<![\w-])eyJ[\w-]{5,4096}\.[\w-]{2,4096}(?:\.[\w-]{0,4096})?"),
    ("token", r"gh[pousr]_[A-Za-z0-9]{16,255}|github_pat_\w{16,255}|glpat-[\w-]{16,255}|npm_[A-Za-z0-9]{30,255}"),
    ("token", r"xox[a-z]-[A-Za-z0-9-]{8,255}|xapp-[A-Za-z0-9-]{8,255}|hooks\.slack\.com/services/[\w/]{10,120}"),
    ("token", r"(?<!\w)sk-[\w-]{20,255}|[sr]k_live_[A-Za-z0-9]{16,255}|AIza[\w-]{30,60}|ABSK[A-Za-z0-9+/=]{20,512}"),
    ("authorization", r"(?i:(?<![a-z])(?:bearer|basic)\s{1,3}[\w.~+/=-]{8,2048})"),
    ("password", r"(?<=://)[^\s/@:]{1,128}:[^\s/@]{1,256}(?=@)"),
]
_PATTERNS = [(label, re.compile(pattern)) for label, pattern in _SHAPES]

# The name stays, so that a reader still sees what was there: `password=[removed: value]`.
_NAMED = re.compile(
    rf"(?i)((?:{_WORDS})[\w.-]{{0,24}}[\"'\\]{{0,4}}\s{{0,3}}[:=](?!:)\s{{0,3}}\\?|--?[\w-]{{0,20}}(?:{_WORDS})\s{{1,3}}){_VALUE}"
)
_RUN = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}")
_LONG = 100
"""A session token is longer than this, and nothing that a reader needs is."""


def without_secrets(text: str) -> str:
    """The text with secrets replaced by `[removed: …]`. The caller caps its length first."""
    for label, pattern in _PATTERNS:
        text = pattern.sub(f"[removed: {label}]", text)
    return _RUN.sub(_run, _NAMED.sub(r"\1[removed: value]", text))


def _run(match: re.Match[str]) -> str:
    """A run of base64: AWS secret keys are 40 characters of mixed case and digits, session tokens are long."""
    run = match.group()
    if len(run) >= _LONG:
        return "[removed: long token]"
    mixed = any(c.islower() for c in run) and any(c.isupper() for c in run) and any(c.isdigit() for c in run)
    return "[removed: AWS secret key]" if len(run) == 40 and mixed and run.count("/") < 5 else run
