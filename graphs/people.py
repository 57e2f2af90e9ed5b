"""Who may answer: people by one canonical name, and never somebody whom the finding is about."""

from collections.abc import Iterable

from agent.person import canonical as canonical
from agent.plan import PlannedAction
from agent.target import Target
from tools.registry import Registry

HOW_TO_ANSWER = ": say who you are with --by, as the registry's `people` lists you"


def subjects(targets: Iterable[Target], actions: Iterable[PlannedAction] = ()) -> set[str]:
    """The canonical names of everybody whom a finding and its actions are about: they have no say in it."""
    named = [*targets, *(action.change.target for action in actions)]
    return {name.casefold() for target in named for name in (target.id, target.owner) if name}


def known(person: str, registry: Registry) -> bool:
    """Whether a person may answer at all: listed, or nobody is."""
    return not registry.people or person in people(registry)


def unlisted(by: str) -> str:
    """What to say to somebody who may not answer."""
    return f"{by[:64]!r} is nobody who may answer{HOW_TO_ANSWER}"


def people(registry: Registry) -> dict[str, list[str]]:
    """The roles of the people listed, by canonical name."""
    return {name: roles for person, roles in registry.people.items() if (name := canonical(person)) is not None}
