"""Who may answer: people by one canonical name, and never somebody whom the finding is about."""

from collections.abc import Iterable

from agent.finding import Finding
from agent.person import canonical as canonical
from agent.plan import PlannedAction
from agent.report import FindingSummary
from tools.registry import Registry

HOW_TO_ANSWER = ": say who you are with --by, as the registry's `people` lists you"


def subjects(finding: Finding | FindingSummary | None, actions: Iterable[PlannedAction] = ()) -> set[str]:
    """The canonical names of everybody whom a finding and its actions are about, or who acted: they have no say in it."""
    targets = [] if finding is None else finding.targets
    actors = [] if finding is None else finding.actors
    named = [*targets, *(action.change.target for action in actions)]
    names = [*actors, *(name for target in named for name in (target.id, target.owner) if name)]
    return {each for name in names for each in (name.casefold(), canonical(name)) if each}


def known(person: str, registry: Registry) -> bool:
    """Whether a person may answer at all: listed, or nobody is."""
    return not registry.people or person in people(registry)


def unlisted(by: str) -> str:
    """What to say to somebody who may not answer."""
    return f"{by[:64]!r} is nobody who may answer{HOW_TO_ANSWER}"


def people(registry: Registry) -> dict[str, list[str]]:
    """The roles of the people listed, by canonical name."""
    return {name: roles for person, roles in registry.people.items() if (name := canonical(person)) is not None}
