"""A verdict in words."""

from itertools import zip_longest

from agent.need import in_words as need_in_words
from agent.target import in_words
from agent.verdict import Facts, Ruling, Verdict

_HEAD = {
    Ruling.ALLOW: "is allowed",
    Ruling.ASK: "needs approval",
    Ruling.DENY: "is denied",
}
_WOULD = {Ruling.ALLOW: "would run it", Ruling.ASK: "would ask", Ruling.DENY: "would deny it"}


def explain(verdict: Verdict, left: str = "") -> str:
    """Lines of plain text: the ruling, the policies that decided and why, the facts that they read, what is asked for.

    It needs nothing but the verdict, so that an old run is explained by the policies that judged it. `left`: why what it
    asked was not done, where that is over.
    """
    facts = verdict.facts
    head, enough = (f"was asked, {left}", "would have been") if left else (_HEAD[verdict.ruling], "would be")
    way = "undoing " if facts.direction == "undo" else ""
    lines = [f"{verdict.action_id}: {way}{facts.action} on {in_words(facts.target_key)} {head}."]
    lines += [f"  error: {error}" for error in verdict.errors]
    lines += _decided(verdict)
    lines += [f"    {name}: {_value(facts, name)}" for name in verdict.mattered]
    lines += [f"  {enough} enough: {need_in_words([need], 'person', 'people')}" for need in verdict.needs]
    lines += [f"  in {line}" for line in would(verdict)]
    lines += [f"  shadow policy that would decide otherwise: {name}" for name in verdict.shadow]
    return "\n".join(lines)


def would(verdict: Verdict) -> list[str]:
    """What the other modes would have done, and by what: `auto mode would ask (confidence medium)`. Only in `observe`."""
    lines = []
    for mode, ruling in verdict.otherwise.items():
        by = ", ".join(verdict.otherwise_by.get(mode, []))
        lines.append(f"{mode} mode {_WOULD[ruling]}{f' ({by})' if by else ''}")
    return lines


def decided_by(verdict: Verdict) -> list[str]:
    """What decided, in few words. Of an Ask it is what asks, not the permit that an approval would fulfil."""
    return verdict.asked_by or verdict.policies


def reasons(verdict: Verdict) -> list[str]:
    """Why it came out so, one line each, a policy's words under its name; last, what a person said who refused it before."""
    named = [name for name in verdict.policies if name in decided_by(verdict)]
    words = zip_longest(named, verdict.why, fillvalue="")
    lines = [": ".join(part for part in pair if part) for pair in words]
    return [*lines, verdict.refused.words] if verdict.refused is not None else lines


def _decided(verdict: Verdict) -> list[str]:
    lines = [f"  {line}" for line in reasons(verdict)]
    lines += [f"  {name}: would permit it then" for name in verdict.policies if name not in decided_by(verdict)]
    if not verdict.mattered:
        return lines
    return [*lines, "  facts that these read:" if verdict.policies else "  facts that would have had to be otherwise:"]


def _value(facts: Facts, name: str) -> str:
    value = getattr(facts, name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return str(value)
