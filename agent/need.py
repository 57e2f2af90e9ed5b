"""What approvals are asked for, in words: how many people, and who has to be among them."""

from collections.abc import Sequence

from agent.plural import plural
from agent.verdict import Need


def in_words(needs: Sequence[Need], noun: str = "approval", several: str = "") -> str:
    """Any of these would do: `2 approvals, one of them as incident-commander or owner`; empty if nothing is asked."""
    alike: dict[tuple[int, int], list[Need]] = {}
    for need in needs:
        # sets that differ in their one role are said together
        alike.setdefault((need.count, len(need.roles)) if len(need.roles) == 1 else (-len(alike), 0), []).append(need)
    return " or ".join(_together(group, noun, several) for group in alike.values())


def _together(needs: list[Need], noun: str, several: str) -> str:
    first = needs[0]
    amount = plural(first.count, noun, several)
    if not first.roles:
        return amount
    if len(first.roles) > 1:
        return f"{amount} as {' and '.join(first.roles)}{' between them' if first.count > 1 else ''}"
    roles = " or ".join(need.roles[0] for need in needs)
    return f"{amount}, one of them as {roles}" if first.count > 1 else f"{amount} as {roles}"
