"""Credentials that the contained made for others: containing the maker leaves them open."""

from agent.evidence import Standing
from agent.target import Target
from graphs.state import State

_MADE = ("new_key.made_by", "new_access.made_by")


def made_for_others(state: State) -> list[Target]:
    """Each that the evidence knows of, once."""
    made = {
        fact.about.key: fact.about
        for answer in state.evidence.values()
        for fact in answer.facts
        if fact.name in _MADE and fact.standing is Standing.KNOWN and fact.about is not None
    }
    return [made[key] for key in sorted(made)]
