"""Making a case of a run that ended: its event, a world to replay it in, and what came of it as what is expected."""

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import JsonValue

from agent.event import Event
from agent.finding import Refusal
from agent.intake import parse
from agent.plan import Change
from agent.receipt import Receipt
from agent.record import Record
from agent.report import Report, Status
from agent.verdict import Ruling, Verdict
from tools.ledger import Ledger
from tools.sandbox.from_finding import world_for
from tools.sandbox.world import World


class NotRecorded(Exception):
    """Why no case can be made of a run: one line."""


class Recorded(Record):
    """A case that was written."""

    folder: Path
    world: str
    """Where its world comes from."""


def record(ledger: Ledger, run_id: str, folder: Path, registry: JsonValue, world: Path | None) -> Recorded:
    """Write `event.json`, `world.yaml` and `expect.yaml` to a new folder. Raises NotRecorded, WorldError.

    Without a world file, the world is what the finding alone tells; `registry` is who and what was protected then.
    """
    report, row, kept = ledger.report(run_id), ledger.run(run_id), ledger.body(run_id)
    if report is None or row is None or kept is None:
        raise NotRecorded(f"{run_id} has not ended: there is nothing to expect yet")
    if folder.exists():
        raise NotRecorded(f"{folder} is there already: give another --out")
    event: Any = kept["event"]
    body = event["body"]
    text = world.read_text(encoding="utf-8") if world else _world(body, event["received_at"], registry)
    World.parse(text)
    folder.mkdir(parents=True)
    (folder / "event.json").write_text(json.dumps(body, indent=2, ensure_ascii=True) + "\n", encoding="utf-8")
    (folder / "world.yaml").write_text(text, encoding="utf-8")
    reports = _of_event(Event.model_validate(event), ledger, report)
    (folder / "expect.yaml").write_text(
        _yaml(_expected(run_id, reports, report, _dropped(ledger, run_id))), encoding="utf-8"
    )
    return Recorded(folder=folder, world=str(world) if world else "the finding alone")


def _world(body: JsonValue, now: JsonValue, registry: JsonValue) -> str:
    made = world_for(body).model_dump(mode="json", exclude_defaults=True)
    return _yaml({**made, "now": now, "registry": registry or made.get("registry", {})})


def _of_event(event: Event, ledger: Ledger, own: Report) -> list[Report | Refusal | None]:
    """What came of each finding of the event, the run's own among them; None for one that no run is known of."""
    newest: dict[str, str] = {}
    for row in ledger.runs():
        newest.setdefault(row.incident, row.run_id)
    found: list[Report | Refusal | None] = []
    for item in parse(event).findings:
        if isinstance(item, Refusal):
            found.append(item)
        elif own.finding is not None and item.key == own.finding.key:
            found.append(own)
        else:
            found.append(ledger.report(newest[item.key]) if item.key in newest else None)
    return found


def _dropped(ledger: Ledger, run_id: str) -> list[str]:
    """What people left out of what they approved: each an action and its target."""
    request = ledger.request(run_id)
    if request is None:
        return []
    approved = [set(one.action_ids) for one in ledger.answers(run_id, request.digest) if one.decision == "approve"]
    left_out = [one.change for one in request.actions if not all(one.id in ids for ids in approved)]
    return [f"{change.action} {change.target.id}" for change in left_out]


def _expected(run_id: str, reports: list[Report | Refusal | None], own: Report, dropped: list[str]) -> dict[str, Any]:
    first, *others = [_of_report(report) for report in reports] or [{}]
    made: dict[str, Any] = {"mode": own.mode.value}
    if own.approvals:
        made["approver"] = "reject" if any(a.decision == "reject" for a in own.approvals) else "approve"
        made |= {"approver_drops": dropped} if dropped and made["approver"] == "approve" else {}
    made |= first
    if others:
        made["also"] = others
    return {
        **made,
        "never_touch": [],
        "notes": f"Recorded from {run_id}: say here why this is right, and name what nobody may touch.",
    }


def _of_report(report: Report | Refusal | None) -> dict[str, Any]:
    if report is None:
        return {}
    if isinstance(report, Refusal):
        return {"status": report.status, "reason_contains": report.reason.value}
    made: dict[str, Any] = {"status": _ended(report).value}
    if report.status in (Status.REFUSED, Status.SKIPPED):
        return made | {"reason_contains": report.reason.partition(":")[0]}
    if report.disposition is not None:
        made["disposition"] = report.disposition.value
    made["actions"] = [_of_action(a.planned.change, a.verdict, a.receipt) for a in report.actions]
    for name, ruling in (("asks", Ruling.ASK), ("denied", Ruling.DENY)):
        verdicts = [a.verdict for a in report.actions if a.verdict and a.verdict.ruling is ruling]
        policies = sorted({policy for verdict in verdicts for policy in verdict.policies})
        made |= {name: policies} if policies else {}
    return made


def _ended(report: Report) -> Status:
    """How the run ended at first: a replay takes nothing back, and nothing lapses in it."""
    if report.status not in (Status.UNDONE, Status.LAPSED):
        return report.status
    held = [a.receipt for a in report.actions if a.receipt and a.receipt.verification and a.receipt.verification.holds]
    return Status.CONTAINED if len(held) == len(report.actions) else Status.PARTIALLY_CONTAINED


def _of_action(change: Change, verdict: Verdict | None, receipt: Receipt | None) -> dict[str, str]:
    made = {"action": change.action, "target": change.target.id}
    if verdict is not None:
        made["ruling"] = verdict.ruling.value
    if receipt is not None:
        made["outcome"] = receipt.outcome.value
        made |= {"verified": receipt.verification.how} if receipt.verification else {}
    return made


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=False, width=120)
