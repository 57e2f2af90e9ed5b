"""The playbook on the sessions of roles: when it has everybody who works under a role cut, and when a person looks first."""

import pytest
from samples import ACCOUNT, KEY, USER, Value, about, case, evidence, fact, finding

from agent import playbook
from agent.evidence import Evidence, Standing
from agent.finding import Finding, Situation
from agent.target import GLOBAL, Target, TargetKind
from tools.action import catalogue

ROLE = Target(kind=TargetKind.ROLE, id="quote-worker", account=ACCOUNT, region=GLOBAL)
OTHER = ROLE.model_copy(update={"id": "vault-reader"})
SESSION = Target(
    kind=TargetKind.ROLE_SESSION, id="AROAEXAMPLEEXAMPLE01:job", account=ACCOUNT, region=GLOBAL, owner="quote-worker"
)
REVOKE = ["iam_revoke_role_sessions@T02"]
EXFILTRATION = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS"
STOLEN: dict[str, Value] = {
    "session.calls": 4, "session.sensitive_calls": 2, "session.only_trusted_addresses": False, "role.exists": True,
    "role.sessions_cut": False, "session.finding_address_trusted": False,
}  # fmt: skip
OFFICE = STOLEN | {"session.only_trusted_addresses": True, "session.finding_address_trusted": True}

Said = tuple[str, str, list[str]]


def told(facts: dict[str, Value], *more: Target) -> Evidence:
    targets = {"session": SESSION, "role": ROLE}
    return evidence([fact(name, targets[name.split(".")[0]], value) for name, value in facts.items()], [*more])


def said(found: Finding, read: Evidence) -> Said:
    answer = playbook.answer(case(found, read), catalogue())
    return answer.disposition.value, answer.confidence.value, [f"{p.action}@{p.slot}" for p in answer.proposals]


SESSIONS: list[tuple[str, dict[str, Value], Said]] = [
    ("sensitive calls from elsewhere", STOLEN, ("true_positive", "high", REVOKE)),
    ("sensitive calls, and where from was not read", STOLEN | {"session.only_trusted_addresses": Standing.FAILED},
     ("uncertain", "medium", [])),
    ("other calls from elsewhere", STOLEN | {"session.sensitive_calls": 0}, ("uncertain", "medium", [])),
    ("the owner's networks, and the finding's address is one", OFFICE, ("benign", "medium", [])),
    ("the owner's networks, and the finding names another", OFFICE | {"session.finding_address_trusted": False},
     ("uncertain", "medium", [])),
    ("revoked already", STOLEN | {"role.sessions_cut": True}, ("true_positive", "high", [])),
    ("whether it is revoked was not read", STOLEN | {"role.sessions_cut": Standing.FAILED},
     ("true_positive", "high", REVOKE)),
    ("the role is gone", STOLEN | {"role.exists": False}, ("uncertain", "medium", [])),
    ("CloudTrail lags", {"session.calls": Standing.NOT_YET}, ("uncertain", "low", [])),
    ("nothing was read", {}, ("uncertain", "low", [])),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "expected"), [each[1:] for each in SESSIONS], ids=[each[0] for each in SESSIONS])
def test_a_session_in_the_wrong_hands(facts: dict[str, Value], expected: Said) -> None:
    assert said(finding(Situation.ROLE_SESSION_ABUSE, SESSION, ROLE), told(facts)) == expected


def test_what_a_session_of_another_role_did_is_not_held_against_this_one() -> None:
    stranger = SESSION.model_copy(update={"owner": "vault-reader"})
    found = finding(Situation.ROLE_SESSION_ABUSE, stranger, ROLE)
    assert said(found, told({"session.sensitive_calls": 0, "role.sessions_cut": True})) == ("uncertain", "low", [])


def test_a_finding_that_names_a_role_and_no_session_is_a_person_s() -> None:
    facts: dict[str, Value] = {"role.exists": True, "role.sensitive_calls": 3, "role.only_trusted_addresses": False}
    found = finding(Situation.ROLE_SESSION_ABUSE, ROLE)
    assert said(found, told(facts)) == ("uncertain", "medium", [])


def test_credentials_of_an_instance_that_work_elsewhere_stay_a_person_s() -> None:
    found = finding(Situation.ROLE_SESSION_ABUSE, SESSION, ROLE).model_copy(update={"type": EXFILTRATION})
    assert said(found, told(STOLEN)) == ("uncertain", "low", [])


@pytest.mark.parametrize(
    ("calls", "revoked"),
    [
        ({ROLE: 3, OTHER: 4}, ["iam_revoke_role_sessions@T03", "iam_revoke_role_sessions@T04"]),
        ({ROLE: 3, OTHER: 0}, ["iam_revoke_role_sessions@T03"]),
        ({ROLE: Standing.FAILED, OTHER: 0}, []),
    ],
)
def test_the_roles_that_a_key_took_on_are_revoked_where_their_sessions_did_what_is_not_the_owner_s(
    calls: dict[Target, Value], revoked: list[str]
) -> None:
    facts = about({"key.session_sensitive_calls": 2, "key.sessions_only_trusted": False})
    facts += [fact("role.session_suspect_calls", role, value) for role, value in calls.items()]
    facts += [fact("role.session_calls", role, 9) for role in calls]
    found = finding(Situation.CREDENTIAL_ABUSE, KEY, USER)
    contain = ["iam_deny_user@T02", "iam_deactivate_key@T01"]
    assert said(found, evidence(facts, [ROLE, OTHER])) == ("true_positive", "high", [*contain, *revoked])


CONTAINED: dict[str, Value] = {"key.exists": True, "key.active": False, "user.denied_already": True}


@pytest.mark.parametrize(
    ("change", "contain"),
    [
        ({}, []),
        ({"key.active": Standing.FAILED}, ["iam_deactivate_key@T01"]),
        ({"user.denied_already": False}, ["iam_deny_user@T02"]),
        ({"user.quarantined_by_aws": True}, []),
        ({"key.exists": False, "key.active": Standing.ABSENT}, []),
        ({"user.exists": False, "user.denied_already": Standing.ABSENT}, []),
    ],
)
def test_sessions_at_work_are_cut_also_where_the_key_is_contained_or_gone_already(
    change: dict[str, Value], contain: list[str]
) -> None:
    """A repeat of the finding, or a responder who was faster, hides nothing: only what is still open is proposed."""
    facts = about(CONTAINED | {"key.session_sensitive_calls": 2, "key.sessions_only_trusted": False} | change)
    facts.append(fact("role.session_suspect_calls", ROLE, 3))
    found = finding(Situation.CREDENTIAL_ABUSE, KEY, USER)
    assert said(found, evidence(facts, [ROLE])) == (
        "true_positive",
        "high",
        [*contain, "iam_revoke_role_sessions@T03"],
    )


OVER = {"key.sessions_cut": True, "key.session_sensitive_calls": 2, "key.sessions_only_trusted": False}


@pytest.mark.parametrize(
    ("change", "proposed"),
    [
        (CONTAINED, []),
        ({}, ["iam_deny_user@T02", "iam_deactivate_key@T01"]),
        (CONTAINED | {"key.sessions_cut": Standing.NOT_YET}, ["iam_revoke_role_sessions@T04"]),
        (CONTAINED | {"key.sessions_cut": False}, ["iam_revoke_role_sessions@T04"]),
    ],
)
def test_sessions_that_are_cut_are_not_cut_again(change: dict[str, Value], proposed: list[str]) -> None:
    """Of two roles, one is cut: the other's sessions are proposed unless all are over, whatever else is open."""
    facts = about(OVER | change)
    facts += [fact("role.session_suspect_calls", role, 3) for role in (ROLE, OTHER)]
    facts += [fact("role.sessions_cut", ROLE, True), fact("role.exists", ROLE, True)]
    found = finding(Situation.CREDENTIAL_ABUSE, KEY, USER)
    assert said(found, evidence(facts, [ROLE, OTHER])) == ("true_positive", "high", proposed)


def test_sessions_of_a_role_that_is_gone_are_not_cut() -> None:
    facts = about(OVER | CONTAINED | {"key.sessions_cut": False})
    facts += [fact("role.session_suspect_calls", role, 3) for role in (ROLE, OTHER)]
    facts += [fact("role.exists", ROLE, False), fact("role.sessions_cut", ROLE, Standing.ABSENT)]
    found = finding(Situation.CREDENTIAL_ABUSE, KEY, USER)
    assert said(found, evidence(facts, [ROLE, OTHER])) == ("true_positive", "high", ["iam_revoke_role_sessions@T04"])
