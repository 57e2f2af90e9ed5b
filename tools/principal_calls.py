"""What a principal did: how much, how much of it refused, how much of it sensitive, and whether from our networks alone."""

from dataclasses import dataclass

from agent.activity import SENSITIVE, Activity
from agent.addresses import parse
from agent.target import Target
from tools.event_history import LAG
from tools.gathering import Gathering
from tools.registry import Registry
from tools.source import Question
from tools.window import settled

NAMES = ("calls", "denied_share", "sensitive_calls", "only_trusted_addresses")
"""Each after the kind of the principal: `user.calls`."""


@dataclass(frozen=True)
class Calls:
    """The calls of one principal, as far as they were seen."""

    target: Target
    kind: str
    """What its facts begin with."""
    events: list[Activity]
    gap: str
    """Why some may be missing."""
    left: str = ""
    """Why some was not looked for, which is no failure."""


def tell(gathering: Gathering, calls: Calls, question: Question) -> None:
    """All facts of the principal. A count that is not zero is known to be at least that."""
    young = not settled(question)
    total, sensitive = len(calls.events), sum(event.name in SENSITIVE for event in calls.events)
    share = 100 * sum(event.denied for event in calls.events) // total if total else None
    strange = not all(trusted(event, question.registry) for event in calls.events)
    _put(gathering, calls, "calls", total or None, zero=0, late=young and not total)
    _put(gathering, calls, "sensitive_calls", sensitive or None, zero=0, late=young and not total)
    _put(gathering, calls, "denied_share", None, zero=share, late=young and not total)
    _put(
        gathering, calls, "only_trusted_addresses", False if strange else None, zero=True if total else None, late=young
    )
    if calls.events:
        newest = sorted(calls.events, key=lambda event: (event.at, event.id), reverse=True)[:12]
        gathering.excerpt(f"calls of the {calls.kind}", "\n".join(event.line for event in newest))


def _put(
    gathering: Gathering, calls: Calls, name: str, seen: bool | int | None, *, zero: bool | int | None, late: bool
) -> None:
    """`seen` is what was seen whatever is missing; `zero` what holds once nothing is."""
    name = f"{calls.kind}.{name}"
    if seen is not None:
        gathering.known(name, calls.target, seen)
    elif calls.gap:
        gathering.failed(name, calls.target, calls.gap)
    elif late:
        gathering.not_yet(name, calls.target, LAG)
    elif calls.left or zero is None:
        gathering.absent(name, calls.target, calls.left or "no_calls")
    else:
        gathering.known(name, calls.target, zero)


def vouched(question: Question) -> bool:
    """Whether the finding names addresses, and all of them are the owner's."""
    named = question.finding.remote_addresses
    return bool(named) and all(question.registry.trusts(target.id) for target in named)


def trusted(event: Activity, registry: Registry) -> bool:
    """Whether the call came from the owner's networks. A service's name in the place of an address is nowhere that we trust.

    Behind a VPC endpoint the address is what the VPC's owner chose, so the endpoint has to be in an account of ours.
    """
    parsed = parse(event.address)
    ours = not (event.endpoint or event.endpoint_account) or event.endpoint_account in registry.accounts
    return ours and parsed is not None and registry.trusts(str(parsed))
