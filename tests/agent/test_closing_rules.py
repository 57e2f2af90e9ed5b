"""A rule closes only what is known to bear none of the severe signs that its playbook knows of: unknown is not benign."""

from dataclasses import dataclass

import pytest
from samples import ADDRESS, BUCKET, INSTANCE, KEY, USER, Value, case, evidence, fact, finding

from agent import playbook
from agent.evidence import Standing
from agent.finding import Situation
from agent.plan import Disposition
from agent.target import Target
from tools.action import catalogue

_ABOUT: dict[str, Target | None] = {
    "key": KEY, "user": USER, "bucket": BUCKET, "account": BUCKET, "instance": INSTANCE, "address": ADDRESS, "finding": None,
}  # fmt: skip
SILENT = [None, Standing.ABSENT, Standing.NOT_YET, Standing.FAILED]
"""How a fact may stand that nobody knows; None: no source was asked."""

Facts = dict[str, Value]


@dataclass(frozen=True)
class Benign:
    """What one rule closes, told by no fact more than it takes."""

    situation: Situation
    type: str
    targets: tuple[Target, ...]
    facts: Facts


SHUT: Facts = {
    "bucket.public": False, "bucket.opened_recently": False, "bucket.stranger_reads": 0, "bucket.open_access_points": 0,
    "bucket.cross_account_readers": 0, "bucket.access_point_readers": 0, "bucket.threat_findings": 0,
    "bucket.archived_findings": 0,
}  # fmt: skip
RULES: dict[str, Benign] = {
    "used_from_trusted_networks_only": Benign(
        Situation.CREDENTIAL_ABUSE,
        "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
        (KEY, USER),
        {
            "key.only_trusted_addresses": True, "key.finding_address_trusted": True, "key.trail_only_trusted": True,
            "key.trail_outsider_seen": False, "key.sensitive_calls": 0, "key.denied_share": 0, "key.sessions_made": 0,
            "key.threat_findings": 0, "key.archived_findings": 0,
            "user.threat_findings": 0, "user.archived_findings": 0, "user.quarantined_by_aws": False,
        },
    ),
    "sanctioned_scanner": Benign(
        Situation.INSTANCE_COMPROMISE,
        "Recon:EC2/Portscan",
        (INSTANCE,),
        {"instance.scanner": True, "finding.direction": "outbound", "instance.threat_findings": 0, "instance.archived_findings": 0},
    ),
    "probe_only": Benign(
        Situation.INBOUND_ATTACK,
        "Recon:EC2/PortProbeUnprotectedPort",
        (ADDRESS, INSTANCE),
        {
            "address.web_attacks": 0, "address.proxied": False, "finding.only_web": True, "instance.threat_findings": 0,
            "instance.archived_findings": 0,
        },
    ),
    "already_closed": Benign(
        Situation.PUBLIC_BUCKET, "S3.8", (BUCKET,), SHUT | {"bucket.block_complete": True}
    ),
    "read_by_own_distribution": Benign(
        Situation.PUBLIC_BUCKET, "S3.8", (BUCKET,), SHUT | {"bucket.cloudfront": True}
    ),
}  # fmt: skip

SIGNS: dict[Situation, dict[str, Facts]] = {
    Situation.CREDENTIAL_ABUSE: {
        "another severe finding about the key": {"key.threat_findings": 1, "key.threat_severity": 70},
        "a severe finding about the key that somebody archived": {
            "key.archived_findings": 1,
            "key.archived_severity": 70,
        },
        "another severe finding about its user": {"user.threat_findings": 1, "user.threat_severity": 90},
        "a severe finding about its user that somebody archived": {
            "user.archived_findings": 1,
            "user.archived_severity": 70,
        },
        "calls that attackers make": {"key.sensitive_calls": 1},
        "calls that were denied": {"key.denied_share": 30},
        "calls from elsewhere": {"key.only_trusted_addresses": False},
        "an address that nobody trusts": {"key.finding_address_trusted": False},
        "reads of objects from elsewhere": {"key.trail_only_trusted": False},
        "reads of objects from the finding's address": {"key.trail_outsider_seen": True},
        "sessions, whose reads of objects nobody looked for": {"key.sessions_made": 1},
        "sessions that were used elsewhere": {"key.sessions_made": 1, "key.sessions_only_trusted": False},
        "sessions that made calls that attackers make": {"key.sessions_made": 1, "key.session_sensitive_calls": 1},
        "sessions that nobody followed": {"key.sessions_made": 1, "key.sessions_followed": False},
        "a quarantine by AWS": {"user.quarantined_by_aws": True},
    },
    Situation.INSTANCE_COMPROMISE: {
        "another severe finding": {"instance.threat_findings": 1, "instance.threat_severity": 70},
        "a severe one that somebody archived": {"instance.archived_findings": 1, "instance.archived_severity": 70},
        "traffic that came in": {"finding.direction": "inbound"},
    },
    Situation.INBOUND_ATTACK: {
        "a port that is not the web's": {"finding.only_web": False},
        "requests that matched a rule": {"address.web_attacks": 1},
        "a proxy that hides who sent them": {"address.proxied": True},
        "a severe finding about the instance": {"instance.threat_findings": 1, "instance.threat_severity": 70},
        "a severe one that somebody archived": {"instance.archived_findings": 1, "instance.archived_severity": 70},
    },
    Situation.PUBLIC_BUCKET: {
        "open now": {"bucket.public": True},
        "reads by strangers": {"bucket.stranger_reads": 1},
        "opened lately by nobody known": {"bucket.opened_recently": True, "bucket.opened_by_automation": False},
        "an open access point": {"bucket.open_access_points": 1},
        "another account that its policy lets in": {"bucket.cross_account_readers": 1},
        "another account that an access point lets in": {"bucket.access_point_readers": 1},
        "a severe finding": {"bucket.threat_findings": 1, "bucket.threat_severity": 70},
        "a severe finding that somebody archived": {"bucket.archived_findings": 1, "bucket.archived_severity": 70},
    },
}


def closed(rule: str, change: dict[str, Value | None]) -> list[str] | None:
    """By which facts the rule closes; None if it does not. What is changed to None was not asked."""
    told = RULES[rule]
    found = finding(told.situation, *told.targets, severity=40).model_copy(update={"type": told.type})
    facts = [
        fact(name, _ABOUT[name.split(".")[0]], value)
        for name, value in {**told.facts, **change}.items()
        if value is not None
    ]
    return playbook.closing(case(found, evidence(facts)))


def test_every_rule_that_closes_is_looked_at_here() -> None:
    """So that the next tests leave none out."""
    closing = [rule.id for book in playbook.playbooks().values() for rule in book.rules if rule.closes is not None]
    assert sorted(closing) == sorted(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_to_know_of_every_severe_sign(rule: str) -> None:
    """So that the tests of what is not known leave none out."""
    told = RULES[rule]
    assert {next(iter(facts)) for facts in SIGNS[told.situation].values()} - told.facts.keys() == set()


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_closes_where_all_that_it_takes_is_known(rule: str) -> None:
    assert closed(rule, {})


@pytest.mark.parametrize(
    ("rule", "sign"), [(rule, sign) for rule, each in RULES.items() for sign in SIGNS[each.situation]]
)
def test_no_rule_closes_what_bears_a_severe_sign(rule: str, sign: str) -> None:
    assert closed(rule, {**SIGNS[RULES[rule].situation][sign]}) is None


@pytest.mark.parametrize(("rule", "name"), [(rule, name) for rule, each in RULES.items() for name in each.facts])
def test_no_rule_closes_what_is_not_known(rule: str, name: str) -> None:
    assert [closed(rule, {name: silent}) for silent in SILENT] == [None] * len(SILENT)


@pytest.mark.parametrize("rule", RULES)
def test_another_finding_that_is_not_severe_keeps_nothing_open(rule: str) -> None:
    told = RULES[rule].facts
    minor = {name.replace("findings", "severity"): 69 for name in told if name.endswith("_findings")}
    assert closed(rule, {**dict.fromkeys((n.replace("severity", "findings") for n in minor), 3), **minor})


def test_what_a_known_pipeline_opened_and_shut_again_is_closed() -> None:
    assert closed("already_closed", {"bucket.opened_recently": True, "bucket.opened_by_automation": True})


def test_a_key_whose_sessions_did_nothing_that_the_event_history_keeps_is_not_closed() -> None:
    """What a session read of objects is in no event history."""
    nothing: dict[str, Value | None] = {
        "key.sessions_made": 1, "key.session_calls": 0, "key.session_sensitive_calls": 0,
        "key.sessions_followed": True, "key.sessions_only_trusted": True,
    }  # fmt: skip
    assert closed("used_from_trusted_networks_only", nothing) is None


@pytest.mark.parametrize("kind", ["Behavior:EC2/TrafficVolumeUnusual", "Backdoor:EC2/C&CActivity.B"])
def test_what_is_no_scan_is_not_closed_because_a_scanner_does_it(kind: str) -> None:
    told = RULES["sanctioned_scanner"]
    found = finding(told.situation, *told.targets, severity=40).model_copy(update={"type": kind})
    facts = [fact(name, _ABOUT[name.split(".")[0]], value) for name, value in told.facts.items()]
    shown = case(found, evidence(facts))
    assert playbook.closing(shown) is None
    assert playbook.answer(shown, catalogue()).disposition is not Disposition.BENIGN
