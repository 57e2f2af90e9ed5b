"""The playbook: the deterministic answer to a case, from rules that are data."""

import re
from functools import cache
from pathlib import Path

import yaml

from agent.case import cite
from agent.catalogue import Catalogue
from agent.plan import Answer, Case, CaseFact, CaseTarget, Confidence, Disposition, Proposal
from agent.playbook_conditions import AnyOf, Condition, fact_names
from agent.playbook_rules import Playbook, Rule, Step
from agent.playbook_view import View, told
from agent.target import TargetKind

OTHERWISE = "otherwise"
"""The playbook of every situation that has none of its own."""

_FOLDER = Path(__file__).parent / "playbooks"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it: a cold start waits for this, and the files are our own."""
_FRESH_DAYS = 1
_INTRUDER = "named_key"
"""Who made a key, if it was the finding's own key from outside our networks."""
_PLACE = re.compile(r"\{([a-z0-9_]+(?:\.[a-z0-9_]+)+)\}")
"""Where a rule's words say how a fact stands: `The record of these credentials {key.calls}.`"""
_STANDS = {
    "known": "is there",
    "not_asked": "was not read",
    "absent": "does not exist",
    "not_yet": "is not complete yet",
    "failed": "could not be read",
}


@cache
def playbooks() -> dict[str, Playbook]:
    """Every playbook by situation: one file each, named for it. Raises pydantic's ValidationError with the place that is wrong."""
    books = {path.stem: _load(path) for path in sorted(_FOLDER.glob("*.yaml"))}
    return {book.situation: book for book in books.values()}


def answer(case: Case, catalogue: Catalogue) -> Answer:
    """What the playbook says of a case. It knows the case and which actions exist, and nothing else."""
    book = playbooks().get(case.situation) or playbooks()[OTHERWISE]
    subjects = _subjects(case, book)
    if not subjects:
        rule = book.without_subject
        why = rule.why.replace("{situation}", case.situation)
        return Answer(disposition=rule.disposition, confidence=rule.confidence, rationale=why)
    views = [View(case=case, subject=subject) for subject in subjects]
    rules = [next(rule for rule in book.rules if all(each.holds(view) for each in rule.when)) for view in views]
    proposals = [_proposals(view, rule, catalogue) for view, rule in zip(views, rules, strict=True)]
    disposition, confidence = _together(rules, proposals)
    return Answer(
        disposition=disposition,
        confidence=confidence,
        proposals=_in_order([each for some in proposals for each in some], catalogue),
        rationale="\n".join(_said(view, rule, made) for view, rule, made in zip(views, rules, proposals, strict=True)),
        cites=_cites(views, rules),
    )


def closing(case: Case) -> list[str] | None:
    """The known facts by which every subject is benign beyond doubt, as `bucket.public false`; None if one of them is not."""
    book = playbooks().get(case.situation) or playbooks()[OTHERWISE]
    views = [View(case=case, subject=subject) for subject in _subjects(case, book)]
    rules = [next(rule for rule in book.rules if all(each.holds(view) for each in rule.when)) for view in views]
    if not rules or any(
        rule.closes is None or not _all(rule.closes, view) for rule, view in zip(rules, views, strict=True)
    ):
        return None
    return sorted(
        {
            f"{name} {str(value).lower()}"
            for view, rule in zip(views, rules, strict=True)
            for name in fact_names(_holding(rule.when + (rule.closes or []), view))
            if isinstance(value := view.known(name), bool | int)
        }
    )


def closing_facts(situation: str) -> set[str]:
    """The facts that any closing in such a situation rests on."""
    book = playbooks().get(situation) or playbooks()[OTHERWISE]
    closing_rules = [rule for rule in book.rules if rule.closes is not None]
    return {name for rule in closing_rules for name in fact_names(rule.when + (rule.closes or []), elsewhere=True)}


def _holding(conditions: list[Condition], view: View) -> list[Condition]:
    """The conditions, of alternatives those that hold: the others show nothing."""
    return [
        each
        for one in conditions
        for each in (one.any_of if isinstance(one, AnyOf) else [one])
        if each is one or each.holds(view)
    ]


def _all(conditions: list[Condition], view: View) -> bool:
    return all(each.holds(view) for each in conditions)


def _load(path: Path) -> Playbook:
    return Playbook.model_validate(_LOADER(path.read_text(encoding="utf-8")).get_single_data())


def _subjects(case: Case, book: Playbook) -> list[CaseTarget]:
    """What the finding itself is about, in an order that no slot has a part in."""
    for kind in book.subjects:
        named = [target for target in case.targets if target.kind is kind and target.origin == "finding"]
        if named:
            return sorted(named, key=lambda target: target.name)
    return []


def _proposals(view: View, rule: Rule, catalogue: Catalogue) -> list[Proposal]:
    made = []
    for step in rule.steps:
        spec = catalogue.get(step.do)
        if spec is None or not spec.offered or not all(each.holds(view) for each in step.when):
            continue
        made += [Proposal(action=spec.id, slot=target.slot) for target in _on(view, step) if target.kind is spec.target]
    return made


def _on(view: View, step: Step) -> list[CaseTarget]:
    if step.to == "user":
        return [view.user] if view.user else []
    if step.to == "role":
        return [view.role] if view.role else []
    if step.to == "session_roles":
        return _session_roles(view.case)
    if step.to == "new_keys":
        return _new_keys(view)
    if step.to == "long_term_key" and (view.subject.temporary or view.subject.kind is not TargetKind.ACCESS_KEY):
        return []
    return [view.subject]


def _session_roles(case: Case) -> list[CaseTarget]:
    """Roles whose sessions, followed from the key, made calls from elsewhere or calls that attackers make, and are not over."""
    roles = [each for each in case.targets if each.kind is TargetKind.ROLE and each.origin == "evidence"]
    suspect = {fact.slot for fact in case.facts if fact.name == "role.session_suspect_calls" and _counts(fact)}
    left = [each for each in roles if each.slot in suspect and not _sessions_over(case, each)]
    return sorted(left, key=lambda target: target.name)


def _sessions_over(case: Case, role: CaseTarget) -> bool:
    """Whether they are denied everything, or there is no role any more whose policies could deny them."""
    return _value(case, "role.sessions_cut", role) is True or _value(case, "role.exists", role) is False


def _new_keys(view: View) -> list[CaseTarget]:
    """Keys that were made while the abuse went on: attackers keep a way back in."""
    return sorted([*_made_for_user(view), *_made_for_others(view)], key=lambda target: target.name)


def _made_for_others(view: View) -> list[CaseTarget]:
    """What this user's key made for others, where nobody else in the case could have made it."""
    makers = [fact for fact in view.case.facts if fact.name == "user.made_for_others" and _counts(fact)]
    sole = len(makers) == 1 and makers[0] == view.fact("user.made_for_others")
    keys = [each for each in view.case.targets if each.kind is TargetKind.ACCESS_KEY and not each.temporary]
    return [
        each
        for each in keys
        if each.owner not in (None, view.holder)
        and (sole or each.origin == "finding")
        and _value(view.case, "new_key.made_by", each) == _INTRUDER
    ]


def _counts(fact: CaseFact) -> bool:
    return fact.standing == "known" and type(fact.value) is int and fact.value >= 1


def _made_for_user(view: View) -> list[CaseTarget]:
    """Those of this user."""
    created = view.known("user.created_keys")
    if type(created) is not int or created < 1:
        return []
    related = [each for each in view.case.targets if each.origin == "evidence" and each.kind is TargetKind.ACCESS_KEY]
    return [each for each in related if each.owner == view.holder and not each.temporary and _is_fresh(view.case, each)]


def _is_fresh(case: Case, key: CaseTarget) -> bool:
    age = _value(case, "key.age_days", key)
    return type(age) is int and age <= _FRESH_DAYS


def _value(case: Case, name: str, target: CaseTarget) -> bool | int | str | None:
    fact = case.fact(name, target.slot)
    return fact.value if fact is not None and fact.standing == "known" else None


def _together(rules: list[Rule], proposals: list[list[Proposal]]) -> tuple[Disposition, Confidence]:
    """One answer for all subjects, no surer than the least sure of those that something would be done to."""
    acting = [rule for rule, made in zip(rules, proposals, strict=True) if made]
    dispositions = {rule.disposition for rule in acting or rules}
    order = (
        [Disposition.UNCERTAIN, Disposition.BENIGN, Disposition.TRUE_POSITIVE]
        if acting
        else [Disposition.TRUE_POSITIVE, Disposition.UNCERTAIN, Disposition.BENIGN]
    )
    said = next(each for each in order if each in dispositions)
    return said, min((rule.confidence for rule in acting or rules), key=lambda confidence: confidence.rank)


def _in_order(proposals: list[Proposal], catalogue: Catalogue) -> list[Proposal]:
    distinct = {(each.action, each.slot): each for each in proposals}.values()
    ids = [spec.id for spec in catalogue.actions]
    return sorted(distinct, key=lambda proposal: ids.index(proposal.action))


def _said(view: View, rule: Rule, made: list[Proposal]) -> str:
    why = _PLACE.sub(lambda found: _STANDS[_standing(view, found[1])], " ".join(rule.why.split()))
    nothing = " Nothing here that an offered action can be used on." if rule.steps and not made else ""
    return f"{view.subject.name}: {why}{nothing}"


def _standing(view: View, name: str) -> str:
    """How a fact stands that is not known, about the subject or, failing that, about anything in the case."""
    fact = view.fact(name) or told(each for each in view.case.facts if each.name == name)
    return "not_asked" if fact is None else fact.standing


def _cites(views: list[View], rules: list[Rule]) -> list[str]:
    """The facts that the rules looked at, as far as the case holds them."""
    looked = [view.fact(name) for view, rule in zip(views, rules, strict=True) for name in fact_names(rule.when)]
    return list(dict.fromkeys(cite(fact) for fact in looked if fact is not None))
