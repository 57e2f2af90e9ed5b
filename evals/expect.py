"""What a case expects of its reports, and the named checks that say whether each came true."""

from typing import Literal, Self

from agent.plan import Disposition
from agent.receipt import Outcome
from agent.record import Record
from agent.report import Report, ReportedAction, Status
from agent.verdict import Mode, Ruling


class ExpectedAction(Record):
    """One action that the plan must hold. What is not given is not checked."""

    action: str
    target: str
    """The target's id: a key id, a user or bucket name."""
    ruling: Ruling | None = None
    outcome: Outcome | None = None
    verified: Literal["observed", "by_configuration", "unverified"] | None = None


class ExpectedReport(Record):
    """What one report must say. What is not given is not checked."""

    status: Status | None = None
    disposition: Disposition | None = None
    actions: list[ExpectedAction] | None = None
    """Exactly these actions are planned, in any order. An empty list: none."""
    asks: list[str] = []
    """Ids of policies, each of which decides an Ask."""
    denied: list[str] = []
    """Ids of policies, each of which decides a Deny."""
    was_asked: list[str] = []
    """Ids of policies, each of which asked before anybody answered, whatever came of it."""
    reason_contains: str = ""


class Expectation(ExpectedReport):
    """The file `expect.yaml` of a case: how to run it, what its (first) report says, what nobody may touch."""

    mode: Mode = Mode.OBSERVE
    approver: Literal["approve", "reject"] | None = None
    """What the scripted approver answers; None: nobody does."""
    approver_drops: list[str] = []
    """What the approver leaves out of an approval: each an action and its target's id, with a space between."""
    samples_as_real: bool = False
    never_touch: list[str] = []
    """Ids of targets that no call may have changed: no receipt says so, nor what AWS answers of them before and after."""
    also: list[ExpectedReport] = []
    """Of an event with several findings: what the further reports say, in order."""
    notes: str = ""


class Check(Record):
    """One expectation, and whether it came true."""

    name: str
    ok: bool
    message: str = ""

    @classmethod
    def equal(cls, name: str, expected: object, found: object) -> Self:
        """A check that two values are the same; the message shows both."""
        ok = expected == found
        return cls(name=name, ok=ok, message="" if ok else f"expected {_say(expected)}, found {_say(found)}")


def score(
    expect: Expectation,
    reports: list[Report],
    *,
    own_mode: bool = True,
    asked: list[list[str]] | None = None,
    changed: list[str] | None = None,
) -> list[Check]:
    """Every check of a case. Run in another mode than its own, only what no mode changes is checked.

    `asked`: by report, the policies that asked at first. `changed`: of what is never touched, what AWS shows otherwise than before.
    """
    wanted: list[ExpectedReport] = [expect, *expect.also]
    checks = [Check.equal("reports", len(wanted), len(reports))]
    for number, (want, report) in enumerate(zip(wanted, reports, strict=False), start=1):
        prefix = "" if len(wanted) == 1 else f"{number}."
        found = _planned(want, report)
        if own_mode:
            found += _decided(want, report) + _asked(want, number, asked or [])
        checks += [check.model_copy(update={"name": prefix + check.name}) for check in found]
    return checks + [_untouched(target, reports, changed or []) for target in expect.never_touch]


def _planned(want: ExpectedReport, report: Report) -> list[Check]:
    checks = []
    if want.disposition is not None:
        checks.append(Check.equal("disposition", want.disposition, report.disposition))
    if want.actions is not None:
        expected = sorted(f"{action.action} {action.target}" for action in want.actions)
        checks.append(Check.equal("actions", expected, sorted(map(_name, report.actions))))
    return checks


def _decided(want: ExpectedReport, report: Report) -> list[Check]:
    checks = []
    if want.status is not None:
        check = Check.equal("status", want.status, report.status)
        checks.append(check if check.ok else check.model_copy(update={"message": f"{check.message} ({report.reason})"}))
    for ruling, ids in ((Ruling.ASK, want.asks), (Ruling.DENY, want.denied)):
        found = {
            policy for a in report.actions if a.verdict and a.verdict.ruling is ruling for policy in a.verdict.policies
        }
        checks += [_among(f"{ruling}: {policy}", policy, found) for policy in ids]
    if want.reason_contains:
        ok = want.reason_contains.casefold() in report.reason.casefold()
        message = "" if ok else f"expected {want.reason_contains!r} in {report.reason!r}"
        checks.append(Check(name="reason", ok=ok, message=message))
    by_name = {_name(action): action for action in report.actions}
    for action in want.actions or []:
        checks += _carried_out(action, by_name.get(f"{action.action} {action.target}"))
    return checks


def _carried_out(want: ExpectedAction, found: ReportedAction | None) -> list[Check]:
    receipt = found.receipt if found else None
    pairs: list[tuple[str, object, object]] = [
        ("ruling", want.ruling, found.verdict.ruling if found and found.verdict else None),
        ("outcome", want.outcome, receipt.outcome if receipt else None),
        ("verified", want.verified, receipt.verification.how if receipt and receipt.verification else None),
    ]
    return [
        Check.equal(f"{want.action} {want.target}: {what}", expected, value)
        for what, expected, value in pairs
        if expected is not None
    ]


def _among(name: str, policy: str, found: set[str]) -> Check:
    ok = policy in found
    return Check(name=name, ok=ok, message="" if ok else f"expected {policy}, found {_say(sorted(found))}")


def _asked(want: ExpectedReport, number: int, asked: list[list[str]]) -> list[Check]:
    found = set(asked[number - 1]) if len(asked) >= number else set()
    return [_among(f"was asked: {policy}", policy, found) for policy in want.was_asked]


def _untouched(target: str, reports: list[Report], changed: list[str]) -> Check:
    """A receipt on this target with calls in it is a touch; so is that AWS answers otherwise, whatever the receipts say."""
    touched = [f"AWS answers otherwise of {target}"] if target in changed else []
    touched += [
        _name(action)
        for report in reports
        for action in report.actions
        if action.receipt and action.receipt.calls and action.receipt.change.target.id == target
    ]
    return Check(name=f"never touched: {target}", ok=not touched, message=", ".join(touched))


def _name(action: ReportedAction) -> str:
    return f"{action.planned.change.action} {action.planned.change.target.id}"


def _say(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
