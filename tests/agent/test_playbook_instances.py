"""The playbook on instances and attacks from outside: whom it isolates or blocks, in which order, and when it holds back."""

import pytest
from samples import ACCOUNT, ADDRESS, Value, case, evidence, fact, finding

from agent import playbook
from agent.evidence import Fact, Standing
from agent.finding import Finding, Situation
from agent.plan import Answer
from agent.target import Target, TargetKind
from tools.action import catalogue

MACHINE = Target(kind=TargetKind.INSTANCE, id="i-0a1b2c3d4e5f60719", account=ACCOUNT, region="eu-west-1")
C2, NAME, SWEEP = "Backdoor:EC2/C&CActivity.B", "Backdoor:EC2/C&CActivity.B!DNS", "Impact:EC2/PortSweep"
PROBE, CALLER = "Recon:EC2/PortProbeUnprotectedPort", "UnauthorizedAccess:EC2/MaliciousIPCaller.Custom"

EVIDENCE = ["ec2_protect_evidence", "ec2_snapshot_volumes"]
STANDBY, DEREGISTER = ["autoscaling_enter_standby"], ["elbv2_deregister_targets"]
CLOSE, SESSIONS, TAG = ["ec2_quarantine_interfaces"], ["iam_deny_instance_sessions"], ["ec2_tag_instance"]
GROUPED = EVIDENCE + STANDBY + CLOSE + SESSIONS + TAG
PLACED = EVIDENCE + DEREGISTER + CLOSE + SESSIONS + TAG
BLOCK = ["wafv2_block_address"]
ALONE: dict[str, Value] = {
    "instance.exists": True, "instance.state": "running", "instance.in_group": False, "instance.role": True,
    "instance.quarantined": False, "instance.dns_server": False, "address.flows_accepted": 0,
}  # fmt: skip
MEMBER = ALONE | {"instance.in_group": True, "instance.group_can_shrink": True}
SPOKE: dict[str, Value] = {"address.flows_accepted": 3}

Said = tuple[str, str, list[str]]


def facts(told: dict[str, Value]) -> list[Fact]:
    targets = {"instance": MACHINE, "address": ADDRESS, "finding": None}
    return [fact(name, targets[name.split(".")[0]], value) for name, value in told.items()]


def about(situation: Situation, kind: str, severity: int, *targets: Target) -> Finding:
    return finding(situation, *targets, severity=severity).model_copy(update={"type": kind})


def said(found: Finding, told: dict[str, Value]) -> Said:
    answer: Answer = playbook.answer(case(found, evidence(facts(told))), catalogue())
    return answer.disposition.value, answer.confidence.value, [proposal.action for proposal in answer.proposals]


INSTANCES: list[tuple[str, str, int, dict[str, Value], Said]] = [
    ("it spoke to the peer", C2, 80, ALONE | SPOKE, ("true_positive", "high", PLACED)),
    ("it spoke, in a group", C2, 80, MEMBER | SPOKE, ("true_positive", "high", GROUPED)),
    ("it spoke, at a critical severity", C2, 90, ALONE | SPOKE,
     ("true_positive", "high", [*PLACED, "ec2_cut_connections"])),
    ("critical, and nothing was seen", C2, 90, ALONE, ("true_positive", "medium", PLACED)),
    ("its group cannot do without it", C2, 80, MEMBER | SPOKE | {"instance.group_can_shrink": False},
     ("true_positive", "medium", EVIDENCE + STANDBY + DEREGISTER + CLOSE + SESSIONS + TAG)),
    ("it has no role", C2, 80, ALONE | SPOKE | {"instance.role": False},
     ("true_positive", "high", EVIDENCE + DEREGISTER + CLOSE + TAG)),
    ("whether it is in a group was not read", C2, 80, ALONE | SPOKE | {"instance.in_group": Standing.FAILED},
     ("true_positive", "high", GROUPED)),
    ("nothing was read", C2, 80, {}, ("true_positive", "medium", GROUPED)),
    ("nothing was read, of low severity", C2, 20, {}, ("true_positive", "low", GROUPED)),
    ("stopped, and it had spoken", C2, 80, ALONE | SPOKE | {"instance.state": "stopped"},
     ("true_positive", "high", PLACED)),
    ("terminated", C2, 80, ALONE | SPOKE | {"instance.state": "terminated"}, ("uncertain", "medium", [])),
    ("shutting down", C2, 80, ALONE | SPOKE | {"instance.state": "shutting_down"}, ("uncertain", "medium", [])),
    ("not there", C2, 80, {"instance.exists": False}, ("uncertain", "medium", [])),
    ("quarantined, which says nothing of its group and its role", C2, 80,
     MEMBER | SPOKE | {"instance.quarantined": True}, ("true_positive", "high", GROUPED)),
    ("a name alone", NAME, 80, ALONE, ("true_positive", "medium", PLACED)),
    ("a name, asked by the network's resolver", NAME, 80, ALONE | {"instance.dns_server": True},
     ("uncertain", "medium", [])),
    ("a name, asked by a resolver that spoke to the peer too", NAME, 80,
     ALONE | SPOKE | {"instance.dns_server": True}, ("true_positive", "high", PLACED)),
    ("a resolver that is no question of names", C2, 80, ALONE | {"instance.dns_server": True},
     ("true_positive", "medium", PLACED)),
    ("a scanner scans", SWEEP, 80, ALONE | SPOKE | {"instance.scanner": True}, ("benign", "high", [])),
    ("a scanner sends out more than ever", "Behavior:EC2/TrafficVolumeUnusual", 40, ALONE | SPOKE | {"instance.scanner": True},
     ("true_positive", "high", PLACED)),
    ("a scanner does something else", C2, 80, ALONE | SPOKE | {"instance.scanner": True},
     ("true_positive", "high", PLACED)),
    ("it is called like a scanner", SWEEP, 80, ALONE | SPOKE | {"instance.scanner": False, "instance.named_scanner": True},
     ("uncertain", "medium", PLACED)),
    ("it is called like a scanner and does something else", C2, 80, ALONE | SPOKE | {"instance.named_scanner": True},
     ("true_positive", "high", PLACED)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "severity", "told", "expected"), [row[1:] for row in INSTANCES], ids=[row[0] for row in INSTANCES]
)
def test_an_instance(kind: str, severity: int, told: dict[str, Value], expected: Said) -> None:
    assert said(about(Situation.INSTANCE_COMPROMISE, kind, severity, MACHINE), told) == expected


def test_evidence_comes_before_the_network_and_the_network_before_the_credentials() -> None:
    """In another order Auto Scaling ends the instance for not answering, and the evidence with it."""
    _, _, actions = said(about(Situation.INSTANCE_COMPROMISE, C2, 90, MACHINE), MEMBER | SPOKE)
    assert actions == [*GROUPED, "ec2_cut_connections"]


ATTACKED: dict[str, Value] = {"address.web_requests": 9, "address.web_attacks": 4, "address.proxied": False}
ATTACKS: list[tuple[str, str, dict[str, Value], Said]] = [
    ("its requests matched a rule", CALLER, ATTACKED, ("true_positive", "high", BLOCK)),
    ("through a proxy", CALLER, ATTACKED | {"address.proxied": True}, ("true_positive", "medium", BLOCK)),
    ("it only came", CALLER, ATTACKED | {"address.web_attacks": 0}, ("true_positive", "medium", BLOCK)),
    ("it never came", CALLER, {"address.web_requests": 0, "address.web_attacks": 0}, ("uncertain", "medium", [])),
    ("it is blocked, and is kept so", CALLER, ATTACKED | {"address.blocked": True}, ("true_positive", "high", BLOCK)),
    ("a probe", PROBE, ATTACKED | {"address.web_attacks": 0}, ("benign", "medium", [])),
    ("a probe of other ports as well", PROBE, ATTACKED | {"address.web_attacks": 0, "finding.only_web": False},
     ("uncertain", "medium", [])),
    ("a probe that attacked", PROBE, ATTACKED, ("true_positive", "high", BLOCK)),
    ("a probe, and no logs", PROBE, {"finding.web": True}, ("true_positive", "low", BLOCK)),
    ("an own address, which policy refuses", CALLER, ATTACKED | {"address.own": True}, ("true_positive", "high", BLOCK)),
    ("the logs failed", CALLER, {"finding.web": True, "address.web_attacks": Standing.FAILED},
     ("true_positive", "low", BLOCK)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "told", "expected"), [row[1:] for row in ATTACKS], ids=[row[0] for row in ATTACKS])
def test_an_address_that_attacks_from_outside(kind: str, told: dict[str, Value], expected: Said) -> None:
    assert said(about(Situation.INBOUND_ATTACK, kind, 50, ADDRESS, MACHINE), told) == expected


@pytest.mark.parametrize("told", [{}, {"finding.web": False}, {"finding.web": True}])
def test_an_attack_without_an_address_of_a_web_request_isolates_nobody(told: dict[str, Value]) -> None:
    """The instance is the victim, and who tries passwords on it sends no web request."""
    assert said(about(Situation.INBOUND_ATTACK, CALLER, 80, MACHINE), told) == ("uncertain", "medium", [])
