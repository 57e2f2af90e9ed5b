"""How a source fills in its answer: each wanted fact starts as failed, and stays so until AWS has said otherwise."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from agent.evidence import Answered, Excerpt, Fact, Standing
from agent.finding import Finding, Untrusted
from agent.record import JsonObject
from agent.secret_text import capped, without_secrets
from agent.target import GLOBAL, Target, TargetKind
from tools.aws import Aws, AwsCall, AwsError, Incomplete
from tools.source import SourceSpec

T = TypeVar("T")
EXCERPT_LIMIT = 4096
"""Characters of one excerpt that are kept."""
_HOMES = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-eusc": "eusc-de-east-1"}


@dataclass(frozen=True)
class Read(Generic[T]):
    """What one attempt to read gave: a value, or the code of why there is none."""

    value: T | None
    gap: str = ""


def attempt(read: Callable[[], T]) -> Read[T]:
    """Read, and keep the error's code instead of raising it."""
    try:
        return Read(read())
    except AwsError as error:
        return Read(None, error.code)


class Gathering:
    """The answer of one source while it is being filled in."""

    def __init__(self, spec: SourceSpec, now: datetime) -> None:
        self._spec = spec
        self.now = now
        self._facts: dict[tuple[str, str], Fact] = {}
        self._targets: list[Target] = []
        self._excerpts: list[Excerpt] = []
        self.calls = 0
        self.pages_read = 0
        self.bytes_read = 0

    def beside(self) -> "Gathering":
        """Counts for what reads beside others, to be added when all are done."""
        return Gathering(self._spec, self.now)

    def add(self, part: "Gathering") -> None:
        """Count what it read."""
        self.calls += part.calls
        self.pages_read += part.pages_read
        self.bytes_read += part.bytes_read

    def want(self, about: Target | None, names: Iterable[str]) -> None:
        """These will be answered about this target, or about the finding itself. Until they are, they are failed."""
        for name in names:
            self.failed(name, about, "not_read")

    def known(self, name: str, about: Target | None, value: bool | int | str) -> None:
        self._put(name, about, Standing.KNOWN, value=value)

    def absent(self, name: str, about: Target | None, note: str = "") -> None:
        self._put(name, about, Standing.ABSENT, note=note)

    def not_yet(self, name: str, about: Target | None, note: str) -> None:
        self._put(name, about, Standing.NOT_YET, note=note)

    def failed(self, name: str, about: Target | None, note: str) -> None:
        self._put(name, about, Standing.FAILED, note=note)

    def settle(self, name: str, about: Target | None, value: bool | int | str | None, gap: str) -> None:
        """Known where there is a value, failed where there is none."""
        if value is None:
            self.failed(name, about, gap or "not_read")
        else:
            self.known(name, about, value)

    def holds(self, name: str, about: Target | None, found: bool, gap: str) -> None:
        """A fact that one sighting proves: known if seen, or if all was read; failed if it may hide in what was not."""
        self.settle(name, about, True if found else None if gap else False, gap)

    def target(self, target: Target) -> None:
        """A related target that the service itself named."""
        if target not in self._targets:
            self._targets.append(target)

    def excerpt(self, label: str, text: str) -> None:
        """Somebody else's text, capped and without secrets: those stay in the case file, where they were read."""
        clean = without_secrets(capped(text.encode("utf-8", "replace").decode(), EXCERPT_LIMIT))[:EXCERPT_LIMIT]
        self._excerpts.append(Excerpt(source=self._spec.name, label=label, text=Untrusted(text=clean)))

    def call(self, aws: Aws, call: AwsCall, *, absent: set[str] | None = None, **params: Any) -> JsonObject | None:
        """One call, counted. None if AWS says that there is none."""
        self.calls += 1
        return aws.call(call, absent=absent or set(), **params)

    def pages(self, aws: Aws, call: AwsCall, *, limit: int = 50, **params: Any) -> Iterator[Any]:
        """Every page, each counted as a call."""
        pages = aws.pages(call, limit=limit, **params)
        while True:
            self.calls += 1
            try:
                page = next(pages)
            except StopIteration:
                self.calls -= 1
                return
            except Incomplete:
                self.calls -= 1
                raise
            self.pages_read += 1
            yield page

    def counted(self, aws: Aws, read: Callable[[], T]) -> Read[T]:
        """Attempt what calls AWS by itself, and count its calls."""
        before = _calls(aws)
        found = attempt(read)
        self.calls += _calls(aws) - before
        return found

    def all(self, aws: Aws, call: AwsCall, holding: str, **params: Any) -> list[Any]:
        """What all pages hold under one name."""
        return [item for page in self.pages(aws, call, **params) for item in page.get(holding, [])]

    def answered(self) -> Answered:
        """The answer. Its standing is that of the fact that is worst off."""
        facts = list(self._facts.values())
        standings = {fact.standing for fact in facts}
        worst = next(
            (s for s in (Standing.FAILED, Standing.NOT_YET, Standing.KNOWN) if s in standings), Standing.ABSENT
        )
        return Answered(
            source=self._spec.name,
            standing=worst.value,
            facts=facts,
            targets=self._targets,
            excerpts=self._excerpts,
            calls=self.calls,
            pages=self.pages_read,
            bytes_read=self.bytes_read,
            note=next((fact.note for fact in facts if fact.standing is worst and fact.note), ""),
        )

    def _put(
        self, name: str, about: Target | None, standing: Standing, value: bool | int | str | None = None, note: str = ""
    ) -> None:
        if name not in self._spec.facts:
            raise KeyError(f"{self._spec.name} does not declare {name}")
        self._facts[name, about.key if about else ""] = Fact(
            name=name, about=about, standing=standing, value=value, note=note, source=self._spec.name, as_of=self.now
        )


def _calls(aws: Aws) -> int:
    return sum(aws.tally.by_phase.get(aws.phase.value, {}).values())


def home(partition: str) -> str:
    """The Region in which a partition's global services (IAM, STS's global endpoint) keep their events."""
    return _HOMES.get(partition, "us-east-1")


def regional(target: Target) -> str:
    """The Region to call for a target: its own, or the partition's home where its service has none."""
    return home(target.partition) if target.region == GLOBAL else target.region


def about(finding: Finding, kind: TargetKind) -> list[Target]:
    """The finding's targets of one kind, each once."""
    return list(dict.fromkeys(target for target in finding.targets if target.kind is kind))


def users(finding: Finding) -> list[Target]:
    """The users that a finding is about: those it names, and the owners of its long-term keys."""
    named = about(finding, TargetKind.USER)
    known = {(user.account, user.id) for user in named}
    for key in about(finding, TargetKind.ACCESS_KEY):
        if key.owner is not None and not key.temporary and (key.account, key.owner) not in known:
            known.add((key.account, key.owner))
            named.append(
                Target(kind=TargetKind.USER, id=key.owner, account=key.account, region=GLOBAL, partition=key.partition)
            )
    return named
