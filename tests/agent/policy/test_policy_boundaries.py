"""Properties of the bundled policies, over every boundary of the facts and every pair of them."""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import combinations, product

import pytest
from policy_world import bundled_policies, facts

from agent.policy.group import Decision
from agent.policy.request import given
from agent.verdict import Facts, Known, Mode

APPROVALS: dict[str, dict[str, object]] = {
    "nobody": {},
    "a role without a person": {"approver_roles": ["owner"]},
    "one": {"approvers": ["ali"]},
    "two": {"approvers": ["ali", "mary"]},
    "two and a role": {"approvers": ["ali", "mary"], "approver_roles": ["owner"]},
}
FEW = [APPROVALS["nobody"], APPROVALS["a role without a person"], APPROVALS["one"]]
MODES = list(Mode)
KEY, BUCKET, INSTANCE, ADDRESS = (
    "iam_deactivate_key", "s3_block_public_access", "ec2_quarantine_interfaces", "wafv2_block_address",
)  # fmt: skip
CLOSE = "securityhub_close_finding"
# A user is an identity as a key is.
BASES = (KEY, BUCKET, INSTANCE, ADDRESS)
Deviation = tuple[str, object]
DEVIATIONS: list[Deviation] = [
    ("environment", "prod"),
    ("environment", "unknown"),
    ("account_role", "management"),
    ("account_role", "unknown"),
    ("disruption", 2),
    ("disruption", 3),
    ("severity", 69),
    ("confidence", 1),
    ("disposition", "uncertain"),
    ("disposition", "benign"),
    ("reversal", "forward_only"),
    *((name, value) for name in ("model_proposed", "playbook_proposed") for value in (False,)),
    *((name, value) for name in ("target_verified", "target_in_slots") for value in (False,)),
    *(
        (name, True)
        for name in ("sample", "overflow", "evidence_failed", "evidence_not_yet", "undone_before", "predecessor_failed")
    ),
    *((name, True) for name in ("protecting_tag", "own_part", "sandbox", "expired")),
    *((name, value) for name in ("protected", "break_glass", "audit_store") for value in (Known.YES, Known.UNKNOWN)),
    *(
        (name, value)
        for name in ("intended_public", "known_automation", "refused_before")
        for value in (Known.YES, Known.UNKNOWN)
    ),
]
OF_KIND: dict[str, list[Deviation]] = {
    BUCKET: [("outside_readers", Known.YES), ("outside_readers", Known.UNKNOWN)],
    INSTANCE: [("shared_host", Known.YES), ("shared_host", Known.UNKNOWN), ("disruption", 0), ("disruption", 1)],
    ADDRESS: [
        *((name, value) for name in ("address_own", "address_proxied") for value in (Known.YES, Known.UNKNOWN)),
        *((name, True) for name in ("address_reserved", "never_block")),
        *(("prefix_length", length) for length in (23, 24)),
        *(("address_version", version) for version in (0, 6)),
    ],
}
"""What only one kind of target has. Of the other kinds it is asked alone, in no pair: there it says nothing."""


def _pairs(ones: list[Deviation], others: list[Deviation]) -> list[dict[str, object]]:
    return [{one[0]: one[1], other[0]: other[1]} for one, other in product(ones, others) if one[0] != other[0]]


SINGLES: list[dict[str, object]] = [{}, *({name: value} for name, value in DEVIATIONS)]
PAIRS = SINGLES + [dict(pair) for pair in combinations(DEVIATIONS, 2) if pair[0][0] != pair[1][0]]
SPECIAL: list[dict[str, object]] = [{name: value} for own in OF_KIND.values() for name, value in own]
ALONE = SINGLES + SPECIAL


def _containments() -> Iterator[Facts]:
    """Each kind of target under no, one or two deviations at once, with every kind of approval."""
    for base, different, approvals in product((KEY, BUCKET), PAIRS, APPROVALS.values()):
        yield facts(base, **different, **approvals)
    for base, different, approvals in product((INSTANCE, ADDRESS), SINGLES, APPROVALS.values()):
        yield facts(base, **different, **approvals)
    for base, different, approvals in product(BASES, SPECIAL, APPROVALS.values()):
        yield facts(base, **different, **approvals)
    for base, own in OF_KIND.items():
        others = [*DEVIATIONS, *own]
        for different, approvals in product(_pairs(own, others), (APPROVALS["nobody"], APPROVALS["two and a role"])):
            yield facts(base, **different, **approvals)
    for base, different, disruption, approvals in product(BASES, SINGLES, (2, 3), APPROVALS.values()):
        yield facts(base, **{**different, "environment": "prod", "disruption": disruption}, **approvals)
    for base, different, mode, approvals in product((BUCKET, ADDRESS), ALONE, (Mode.OBSERVE, Mode.APPROVE), FEW):
        yield facts(base, **different, **approvals, mode=mode)


def _networks() -> Iterator[Facts]:
    """Addresses of each version and of none, from the widest to the narrowest."""
    for version, length, approvals in product((0, 4, 6), (0, 8, 23, 24, 25, 32, 47, 48, 49, 128), APPROVALS.values()):
        yield facts(ADDRESS, address_version=version, prefix_length=length, **approvals)


def _undoings_and_tellings() -> Iterator[Facts]:
    """The other groups of actions under one deviation, in every mode."""
    for base, different, mode, approvals in product((KEY, BUCKET, ADDRESS), ALONE, MODES, FEW):
        yield facts(base, **different, **approvals, mode=mode, direction="undo")
    for base, different, mode in product((BUCKET, INSTANCE, ADDRESS), ALONE, MODES):
        yield facts(base, **{**different, "expired": True}, mode=mode, direction="undo")
    for different, mode in product(ALONE, MODES):
        yield facts("securityhub_update_finding", **different, mode=mode)
    for different, mode, approvals in product(ALONE, MODES, FEW):
        yield facts(CLOSE, **different, **approvals, mode=mode)
        yield facts(CLOSE, **different, **approvals, mode=mode, direction="undo")


def _certainties() -> Iterator[Facts]:
    """Everything about who proposed it and how sure they were, at every boundary at once."""
    grid = product((True, False), (True, False), ("true_positive", "uncertain", "benign"), (0, 1, 2), (0, 69, 70, 100))
    for model, playbook, disposition, confidence, severity in grid:
        for mode, approvals in product(MODES, (APPROVALS["nobody"], APPROVALS["one"])):
            yield facts(
                **approvals,
                mode=mode,
                model_proposed=model,
                playbook_proposed=playbook,
                disposition=disposition,
                confidence=confidence,
                severity=severity,
            )
            yield facts(
                CLOSE,
                **approvals,
                mode=mode,
                undone_before=severity == 0,
                refused_before=Known.UNKNOWN if severity == 69 else Known.NO,
                model_proposed=model,
                playbook_proposed=playbook,
                disposition=disposition,
                confidence=confidence,
                severity=severity,
            )


@cache
def judged() -> list[tuple[Facts, Decision]]:
    subjects = [*_containments(), *_networks(), *_undoings_and_tellings(), *_certainties()]
    decisions = bundled_policies().enforced.decide([(subject, given(subject)) for subject in subjects])
    return list(zip(subjects, decisions, strict=True))


def _agreed(f: Facts) -> bool:
    sure = f.disposition == "true_positive" and f.confidence == 2 and f.severity >= 70
    return f.mode == Mode.AUTO and f.model_proposed and f.playbook_proposed and sure


def _others_depend(f: Facts) -> bool:
    """On a bucket its readers outside, on an instance its guests, behind an address its users."""
    return (
        (f.target_kind == "bucket" and f.outside_readers != "no")
        or (f.target_kind == "instance" and f.shared_host != "no" and f.disruption >= 1)
        or (f.target_kind == "address" and f.address_proxied != "no")
    )


def _asks(f: Facts) -> bool:
    identity, bucket = f.target_kind in ("access_key", "user"), f.target_kind == "bucket"
    return (
        f.environment == "unknown"
        or (f.environment == "prod" and f.disruption >= 2)
        or f.protecting_tag
        or f.evidence_failed
        or f.evidence_not_yet
        or f.undone_before
        or f.refused_before != "no"
        or f.predecessor_failed
        or f.overflow
        or (bucket and (f.audit_store == "unknown" or f.intended_public != "no"))
        or (identity and f.known_automation != "no")
    )


def _untouchable(f: Facts) -> bool:
    known = f.protected == f.break_glass == "no" and f.audit_store != "yes" and f.account_role == "workload"
    return not known or f.own_part or not (f.target_verified and f.target_in_slots)


def _ours(f: Facts) -> bool:
    return f.never_block or (f.target_kind == "address" and f.address_own != "no")


def _wide(f: Facts) -> bool:
    narrow = {4: 24, 6: 48}
    least = narrow.get(f.address_version)
    return f.target_kind == "address" and (least is None or f.prefix_length < least)


def _closes(f: Facts) -> bool:
    return f.direction == "do" and f.action == CLOSE


def _settled(f: Facts) -> bool:
    """Whether nothing speaks against closing it, whoever approves."""
    lacking = f.evidence_failed or f.evidence_not_yet or f.overflow
    return f.disposition == "benign" and f.severity < 70 and not lacking and not f.sample


def _both(f: Facts) -> bool:
    return f.mode == Mode.AUTO and f.model_proposed and f.playbook_proposed and f.confidence >= 1


def _stops(f: Facts) -> bool:
    """Whether this stops something: neither an undo nor a report."""
    return f.direction == "do" and f.target_kind != "other"


PROPERTIES: dict[str, Callable[[Facts], bool]] = {
    "observe mode never writes": lambda f: f.mode == Mode.OBSERVE,
    "a sample never writes outside the sandbox": lambda f: f.sample and not f.sandbox,
    "nothing is stopped or told in an account of unknown role": (
        lambda f: f.direction == "do" and f.account_role == "unknown"
    ),
    "without an approver only what both propose, surely, in auto mode": (
        lambda f: _stops(f) and not f.approvers and not _agreed(f)
    ),
    "what neither proposed never runs": lambda f: _stops(f) and not (f.model_proposed or f.playbook_proposed),
    "a benign finding stops nothing": lambda f: _stops(f) and f.disposition == "benign",
    "what must not be touched is not, whoever approves": lambda f: _stops(f) and _untouchable(f),
    "an address that overlaps ours is never blocked, whoever approves": lambda f: _stops(f) and _ours(f),
    "a reserved address is never blocked, whoever approves": lambda f: _stops(f) and f.address_reserved,
    "a wide network is never blocked, whoever approves": lambda f: _stops(f) and _wide(f),
    "what asks never runs without an approver": lambda f: _stops(f) and not f.approvers and _asks(f),
    "what others depend on never without an approver": lambda f: _stops(f) and not f.approvers and _others_depend(f),
    "a disruption of 3 never runs unattended": lambda f: _stops(f) and not f.approvers and f.disruption == 3,
    "a bucket in production never without an approver": (
        lambda f: f.target_kind == "bucket" and f.environment == "prod" and not f.approvers
    ),
    "what all share in production never without two people and a role": (
        lambda f: _stops(f) and f.environment == "prod" and f.disruption == 3
        and not (len(f.approvers) >= 2 and "owner" in f.approver_roles)
    ),
    "what evidence does not show benign, or is severe, is never closed": lambda f: _closes(f) and not _settled(f),
    "what the playbook does not call benign is never closed": lambda f: _closes(f) and not f.playbook_proposed,
    "without an approver only what both would close, in auto mode": (
        lambda f: _closes(f) and not f.approvers and not _both(f)
    ),
    "what was opened again is not closed without an approver": (
        lambda f: _closes(f) and not f.approvers and f.undone_before
    ),
    "what a person would not have closed is not closed without an approver": (
        lambda f: _closes(f) and not f.approvers and f.refused_before != "no"
    ),
    "an undo without an approver only when expired": (
        lambda f: f.direction == "undo" and not f.approvers and not f.expired
    ),
    "a bucket is never opened again without an approver": (
        lambda f: f.direction == "undo" and f.target_kind == "bucket" and not f.approvers
    ),
}  # fmt: skip


def test_there_are_thousands_of_contexts_and_cedar_answers_all_of_them() -> None:
    assert len(judged()) > 5000
    assert [decision.errors for _, decision in judged() if decision.errors] == []


@pytest.mark.parametrize("name", PROPERTIES)
def test_nothing_of_this_kind_is_ever_allowed(name: str) -> None:
    concerned = [(f, decision) for f, decision in judged() if PROPERTIES[name](f)]
    assert len(concerned) > 100
    assert [f for f, decision in concerned if decision.allowed] == []


def test_everything_that_no_property_forbids_is_allowed() -> None:
    """So the policies are these properties: no more, or they would be useless; no less, or they would be unsafe."""
    refused = [f for f, decision in judged() if not decision.allowed]
    unexplained = [f for f in refused if not any(forbidden(f) for forbidden in PROPERTIES.values())]
    assert unexplained == []


def test_every_action_is_allowed_in_some_context() -> None:
    allowed = {(f.action, f.direction) for f, decision in judged() if decision.allowed}
    assert allowed == {
        ("iam_deactivate_key", "do"),
        ("iam_deactivate_key", "undo"),
        ("s3_block_public_access", "do"),
        ("s3_block_public_access", "undo"),
        ("ec2_quarantine_interfaces", "do"),
        ("ec2_quarantine_interfaces", "undo"),
        ("wafv2_block_address", "do"),
        ("wafv2_block_address", "undo"),
        ("securityhub_close_finding", "do"),
        ("securityhub_close_finding", "undo"),
        ("securityhub_update_finding", "do"),
    }


def _same_but_for(f: Facts, *names: str) -> str:
    return f.model_dump_json(exclude=set(names))


def test_more_approvals_never_turn_an_allowance_into_a_refusal() -> None:
    best: dict[str, int] = {}
    broken = []
    for f, decision in sorted(judged(), key=lambda pair: (len(pair[0].approvers), len(pair[0].approver_roles))):
        key = _same_but_for(f, "approvers", "approver_roles")
        if decision.allowed:
            best[key] = len(f.approvers)
        elif key in best:
            broken.append(f)
    assert broken == []


def test_a_model_that_says_less_never_gets_more() -> None:
    """Taking away the model's proposal, sureness or verdict never allows what was refused with it."""
    allowed = {f.model_dump_json() for f, decision in judged() if decision.allowed}
    weaker: list[dict[str, object]] = [{"model_proposed": False}, {"confidence": 0}, {"disposition": "uncertain"}]
    pairs = [
        (f, f.model_copy(update=change)) for f in (pair[0] for pair in judged()) for change in weaker
        if f.disposition == "true_positive" and f.confidence == 2 and f.model_proposed
    ]  # fmt: skip
    assert [less for f, less in pairs if less.model_dump_json() in allowed and f.model_dump_json() not in allowed] == []
