"""Logs Insights' query language: what of it the sandbox understands, as commands. The rest is refused, never ignored."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Row = dict[str, str]
Test = Callable[[Row], bool]
Value = Callable[[Row], str | None]


class Malformed(ValueError):
    """The query has a mistake, or a part that the sandbox does not know."""


@dataclass(frozen=True)
class Aggregate:
    """`sum(bytes) as total`."""

    function: str
    field: str
    alias: str


@dataclass(frozen=True)
class Command:
    """One command of a query; which parts are set depends on its name."""

    name: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    """Field and alias."""
    test: Test = lambda row: True
    keys: list[tuple[str, bool]] = field(default_factory=list)
    """Field, and whether descending."""
    limit: int = 0
    source: str = "@message"
    pattern: re.Pattern[str] | None = None
    aggregates: list[Aggregate] = field(default_factory=list)
    by: list[tuple[Value, str]] = field(default_factory=list)
    computed: dict[str, Value] = field(default_factory=dict)
    """Alias to what a function makes of a row."""


Query = list[Command]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<regex>/(?:[^/\\]|\\.)+/i?)|(?P<quoted>`[^`]+`)
    |(?P<number>-?\d+(?:\.\d+)?(?![\w.]))|(?P<word>@?[A-Za-z_][\w.@-]*|\d+[smhd]\b)|(?P<sign>!=|<=|>=|=~|[=<>(),|*\[\]]))""",
    re.VERBOSE,
)
_AGGREGATES = ("count", "count_distinct", "sum", "avg", "min", "max", "earliest", "latest")
_CHOOSING: dict[str, Callable[[list[float]], float]] = {"least": min, "greatest": max}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def number(text: str | None) -> float | None:
    """The number that a value is, None if it is none."""
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def parse(text: str) -> Query:
    """The commands of a query. Raises Malformed."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return _Parser(_tokens("\n".join(lines))).query()


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise Malformed(f"unexpected character at {at}: {text[at : at + 20]!r}")
        tokens.append((match.lastgroup, match.group(match.lastgroup)))
        at = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def query(self) -> Query:
        commands = [self._command()]
        while self._accept("|"):
            commands.append(self._command())
        if self._at < len(self._tokens):
            raise Malformed(f"unexpected {self._tokens[self._at][1]!r}")
        return commands

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _next(self, *kinds: str) -> str:
        if kinds and self._kind() not in kinds:
            raise Malformed(f"unexpected {self._peek() or 'end of query'!r}")
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _accept(self, *words: str) -> bool:
        if self._kind() in ("word", "sign") and self._peek().lower() in words:
            self._at += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise Malformed(f"expected {word!r} before {self._peek() or 'end of query'!r}")

    def _command(self) -> Command:
        name = self._next("word").lower()
        if name in ("fields", "display", "dedup"):
            computed: dict[str, Value] = {}
            return Command(name, fields=self._listed(lambda: self._aliased(computed)), computed=computed)
        if name == "filter":
            return Command(name, test=self._either())
        if name == "sort":
            return Command(name, keys=self._listed(self._key))
        if name == "limit":
            return Command(name, limit=int(self._next("number")))
        if name == "stats":
            return self._stats()
        if name == "parse":
            return self._parse()
        raise Malformed(f"unknown command {name!r}")

    def _listed(self, one: Callable[[], Any]) -> list[Any]:
        found = [one()]
        while self._accept(","):
            found.append(one())
        return found

    def _name(self) -> str:
        if self._peek().lower().endswith("(*)"):
            raise Malformed(self._peek())
        name = self._next("word", "quoted").strip("`")
        # the default name of an aggregate can be sorted by: count(*), sum(bytes)
        if name.lower() in _AGGREGATES and self._accept("("):
            name += f"({'*' if self._accept('*') else self._name()})"
            self._expect(")")
        return name

    def _aliased(self, computed: dict[str, Value]) -> tuple[str, str]:
        name = self._name()
        if name.lower() not in _CHOOSING or not self._accept("("):
            return name, self._name() if self._accept("as") else name
        names = self._listed(self._name)
        self._expect(")")
        alias = self._name() if self._accept("as") else f"{name}({', '.join(names)})"
        computed[alias] = lambda row: _chosen(_CHOOSING[name.lower()], [row.get(one) for one in names])
        return alias, alias

    def _key(self) -> tuple[str, bool]:
        name = self._name()
        if self._accept("desc"):
            return name, True
        self._accept("asc")
        return name, False

    def _stats(self) -> Command:
        aggregates = self._listed(self._aggregate)
        return Command("stats", aggregates=aggregates, by=self._listed(self._group) if self._accept("by") else [])

    def _aggregate(self) -> Aggregate:
        function = self._next("word").lower()
        if function not in _AGGREGATES:
            raise Malformed(f"unknown function {function!r}")
        self._expect("(")
        of = "*" if self._accept("*") else (self._name() if self._peek() != ")" else "*")
        self._expect(")")
        return Aggregate(function, of, self._name() if self._accept("as") else f"{function}({of})")

    def _group(self) -> tuple[Value, str]:
        name = self._name()
        if name.lower() != "bin" or not self._accept("("):
            return (lambda row: row.get(name)), self._name() if self._accept("as") else name
        period = self._next("word")
        self._expect(")")
        seconds = int(period[:-1]) * _SECONDS[period[-1]]
        return (lambda row: _bin(row, seconds)), self._name() if self._accept("as") else f"bin({period})"

    def _parse(self) -> Command:
        source = self._name() if self._kind() in ("word", "quoted") else "@message"
        if self._kind() == "regex":
            return Command("parse", source=source, pattern=_regex(self._next()))
        glob = _unquoted(self._next("text"))
        self._expect("as")
        names = [(name, name) for name in self._listed(self._name)]
        if glob.count("*") != len(names):
            raise Malformed(f"{glob.count('*')} wildcards for {len(names)} names")
        expression = "(.*?)".join(re.escape(part) for part in glob.split("*"))
        return Command(
            "parse", source=source, fields=names, pattern=re.compile(expression + ("$" if glob.endswith("*") else ""))
        )

    def _either(self) -> Test:
        tests = [self._both()]
        while self._accept("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _both(self) -> Test:
        tests = [self._negated()]
        while self._accept("and"):
            tests.append(self._negated())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _negated(self) -> Test:
        if self._accept("not"):
            test = self._negated()
            return lambda row: not test(row)
        if self._accept("("):
            test = self._either()
            self._expect(")")
            return test
        return self._comparison()

    def _comparison(self) -> Test:
        name = self._name()
        if self._accept("("):
            return self._function(name)
        negated = self._accept("not")
        if self._accept("in"):
            test = _member(name, self._bracketed())
        elif self._accept("like", "=~"):
            test = _like(name, _regex(self._next()) if self._kind() == "regex" else self._text())
        elif negated:
            raise Malformed(f"unexpected {self._peek()!r} after not")
        else:
            return _compare(name, self._operator(), self._text())
        return (lambda row: not test(row)) if negated else test

    def _operator(self) -> str:
        sign = self._next("sign")
        if sign not in _COMPARE:
            raise Malformed(f"unexpected {sign!r}")
        return sign

    def _text(self) -> str:
        return _unquoted(self._next("text", "number"))

    def _bracketed(self) -> list[str]:
        self._expect("[")
        values = self._listed(self._text)
        self._expect("]")
        return values

    def _function(self, function: str) -> Test:
        name = self._name()
        arguments = [self._text()] if self._accept(",") else []
        self._expect(")")
        made = _FUNCTIONS.get((function.lower(), len(arguments)))
        if made is None:
            raise Malformed(f"unknown function {function!r}")
        return lambda row: made(row.get(name), *arguments)


def _chosen(choose: Callable[[list[float]], float], values: list[str | None]) -> str | None:
    numbers = [one for value in values if (one := number(value)) is not None]
    if not numbers:
        return None
    chosen = choose(numbers)
    return str(int(chosen)) if chosen.is_integer() else str(chosen)


def _in_subnet(value: str | None, cidr: str) -> bool:
    try:
        return value is not None and ipaddress.ip_address(value) in ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False


_FUNCTIONS: dict[tuple[str, int], Callable[..., bool]] = {
    ("ispresent", 0): lambda value: value is not None,
    ("isempty", 0): lambda value: not value,
    ("isblank", 0): lambda value: not (value or "").strip(),
    ("strcontains", 1): lambda value, part: part in (value or ""),
    ("isipv4insubnet", 1): _in_subnet,
    ("isipv6insubnet", 1): _in_subnet,
    ("isipinsubnet", 1): _in_subnet,
}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b), "!=": lambda a, b: bool(a != b), "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b), ">": lambda a, b: bool(a > b), ">=": lambda a, b: bool(a >= b),
}  # fmt: skip


def _compare(name: str, sign: str, wanted: str) -> Test:
    as_number = number(wanted)

    def test(row: Row) -> bool:
        actual = row.get(name)
        if actual is None:
            return sign == "!="
        left = number(actual)
        if left is not None and as_number is not None:
            return _COMPARE[sign](left, as_number)
        return _COMPARE[sign](actual, wanted)

    return test


def _member(name: str, wanted: list[str]) -> Test:
    tests = [_compare(name, "=", one) for one in wanted]
    return lambda row: any(test(row) for test in tests)


def _like(name: str, wanted: str | re.Pattern[str]) -> Test:
    if isinstance(wanted, str):
        return lambda row: wanted in row.get(name, "")
    return lambda row: wanted.search(row.get(name, "")) is not None


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[0] in "\"'" else text


def _regex(text: str) -> re.Pattern[str]:
    body, _, flags = text[1:].rpartition("/")
    try:
        return re.compile(re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", body), re.IGNORECASE if "i" in flags else 0)
    except re.error as error:
        raise Malformed(f"bad regular expression {text}") from error


def _bin(row: Row, seconds: int) -> str | None:
    if "@timestamp" not in row:
        return None
    at = datetime.strptime(row["@timestamp"], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC).timestamp()
    return datetime.fromtimestamp(at // seconds * seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.000")
