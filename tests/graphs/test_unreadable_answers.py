"""An answer that is not as its service promises is one that failed, wherever it is read: the run goes on, and asks."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from desk import USER_WORLD, desk, event

from agent.report import Report, Status
from agent.verdict import Mode
from graphs.runs import Runs
from tools.aws import Clients


@dataclass(frozen=True)
class Oddly:
    """A client that answers one operation with something that nobody promised."""

    real: Any
    operation: str
    answer: Any

    def __getattr__(self, name: str) -> Any:
        return (lambda **_: self.answer) if name == xform_name(self.operation) else getattr(self.real, name)


class Odd(Clients):
    """Clients of which one answers oddly."""

    paced = False

    def __init__(self, real: Clients, call: str, answer: Any) -> None:
        self._real, self._answer = real, answer
        self._service, _, self._operation = call.partition(":")

    def client(self, service: str, account: str, region: str) -> Any:
        real = self._real.client(service, account, region)
        return Oddly(real, self._operation, self._answer) if service == self._service else real

    def anonymous(self, service: str, region: str) -> Any:
        return self._real.anonymous(service, region)


def worked(folder: Path, call: str, answer: Any) -> Report:
    at = desk(folder, USER_WORLD, event("guardduty_credential_abuse"), Mode.AUTO)
    assert at.saver is not None
    at.runs = Runs(replace(at.service, clients=Odd(at.service.clients, call, answer)), at.saver)
    report = at.deliver()
    assert at.changes == []
    return report


def test_a_finding_that_cannot_be_understood_when_it_is_read_again_is_unread(tmp_path: Path) -> None:
    report = worked(tmp_path, "guardduty:GetFindings", {"Findings": [None]})
    (source,) = [one for one in report.evidence if one.source == "intake"]
    assert source.not_known == {"finding.reread": "failed: unreadable_answer"}
    assert report.status is Status.AWAITING_APPROVAL, report.reason


def test_an_answer_about_another_finding_is_none_and_refuses_nothing(tmp_path: Path) -> None:
    """The answer has the id that was asked for, and its ARN is another's."""
    detail = event("guardduty_credential_abuse")["detail"]
    arn = detail["arn"].rpartition("/")[0] + "/" + "0" * 32
    told = {
        "AccountId": detail["accountId"],
        "Region": detail["region"],
        "Id": detail["id"],
        "Arn": arn,
        "Type": detail["type"],
    }
    report = worked(tmp_path, "guardduty:GetFindings", {"Findings": [told]})
    (source,) = [one for one in report.evidence if one.source == "intake"]
    assert source.not_known == {"finding.reread": "failed: another_finding"}
    assert report.status is Status.AWAITING_APPROVAL, report.reason


def test_a_finding_that_another_detector_keeps_is_worked_under_the_key_by_which_it_came(tmp_path: Path) -> None:
    body = event("guardduty_credential_abuse")
    at = desk(tmp_path, USER_WORLD, body, Mode.OBSERVE)
    detector = body["detail"]["arn"].split("/")[1]
    body["detail"]["arn"] = body["detail"]["arn"].replace(detector, "0" * 32)
    report = at.deliver(body)
    assert report.finding is not None
    assert (report.status, report.finding.key) == (Status.PROPOSED, body["detail"]["arn"])
    assert "intake" not in {one.source for one in report.evidence if one.not_known}


@pytest.mark.parametrize(("key", "standing"), [(None, "failed"), ({}, "gone")])
def test_a_source_and_a_look_at_a_target_that_meet_such_an_answer_have_failed(
    tmp_path: Path, key: Any, standing: str
) -> None:
    report = worked(tmp_path, "iam:ListAccessKeys", {"AccessKeyMetadata": [key]})
    assert [one.source for one in report.evidence if one.note == "unreadable_answer"] == ["iam_state"]
    assert standing in report.unconfirmed.values()
    assert report.status in (Status.AWAITING_APPROVAL, Status.ESCALATED), report.reason
