"""Telling Security Hub: a person's words and decisions stay, and an unprocessed item is a failure."""

from typing import Any

import pytest

from agent.note import NOTE_LIMIT, OUR_NAME
from agent.plan import Change
from agent.receipt import Executed
from agent.target import Target, TargetKind
from tools.actions import securityhub_update_finding as telling
from tools.aws import Aws, AwsError, Clients, Conflict, Gone, Phase, Rejected

_PRODUCT = "arn:aws:securityhub:us-east-1::product/aws/securityhub"
_ID = "arn:aws:securityhub:us-east-1:111122223333:security-control/S3.2/finding/one"
_TARGET = Target(kind=TargetKind.OTHER, id=_ID, account="111122223333", region="us-east-1")


class Hub(Clients):
    """Security Hub with one finding, which answers its updates with the given error codes, one after the other."""

    def __init__(
        self, note: dict[str, str] | None = None, workflow: str = "NEW", codes: list[str] | None = None
    ) -> None:
        self.finding: dict[str, Any] = {"Id": _ID, "ProductArn": _PRODUCT, "Workflow": {"Status": workflow}}
        self.finding |= {"Note": note} if note else {}
        self.codes = codes or []
        self.updates: list[dict[str, Any]] = []

    def client(self, service: str, account: str, region: str) -> Any:
        return self

    def can_paginate(self, operation: str) -> bool:
        return True

    def get_paginator(self, operation: str) -> Any:
        return type("Paginator", (), {"_pagination_cfg": {"output_token": "NextToken", "input_token": "NextToken"}})

    def get_findings(self, **asked: Any) -> dict[str, Any]:
        return {"Findings": [{**self.finding, "Id": "somebody else's"}, self.finding]}

    def batch_update_findings(self, **fields: Any) -> dict[str, Any]:
        self.updates.append(fields)
        if self.codes:
            identifier = fields["FindingIdentifiers"][0]
            return {"UnprocessedFindings": [{"FindingIdentifier": identifier, "ErrorCode": self.codes.pop(0)}]}
        self.finding |= {name: fields[name] for name in ("Note", "Workflow") if name in fields}
        return {"UnprocessedFindings": []}


def _aws(hub: Hub) -> Aws:
    return Aws(hub, "111122223333", "us-east-1", "aws", Phase.TELL, telling.CALLS, sleep=lambda seconds: None)


def _tell(hub: Hub, workflow: str | None = "NOTIFIED", words: str = "contained") -> Change:
    params = telling.Params.model_validate(
        {"finding_id": _ID, "product_arn": _PRODUCT, "workflow": workflow, "note": words}
    )
    planned = telling.plan(_aws(hub), _TARGET, params.model_dump(mode="json"), "r1")
    assert isinstance(planned, Change)
    telling.execute(_aws(hub), planned)
    return planned


def _by_ben(text: str) -> dict[str, str]:
    return {"Text": text, "UpdatedBy": "ben"}


def test_what_we_write_carries_our_name_so_that_its_echo_is_known() -> None:
    hub = Hub()
    _tell(hub)
    assert hub.finding["Note"] == {"Text": "[stanch] contained [/stanch]", "UpdatedBy": OUR_NAME}
    assert hub.finding["Workflow"] == {"Status": "NOTIFIED"}


def test_telling_twice_keeps_a_person_s_words_and_replaces_ours() -> None:
    hub = Hub(_by_ben("Ask Ana first."))
    _tell(hub, words="awaiting approval")
    _tell(hub, words="contained")
    assert hub.finding["Note"]["Text"] == "[stanch] contained [/stanch]\nAsk Ana first."


def test_telling_the_same_twice_writes_once() -> None:
    hub = Hub()
    _tell(hub)
    assert not _tell(hub).needed
    assert len(hub.updates) == 1


def test_a_note_without_room_is_left_to_its_writer_and_only_the_status_changes() -> None:
    hub = Hub(_by_ben("h" * NOTE_LIMIT))
    _tell(hub)
    assert hub.finding["Note"] == _by_ben("h" * NOTE_LIMIT)
    assert [sorted(update) for update in hub.updates] == [["FindingIdentifiers", "Workflow"]]


@pytest.mark.parametrize(
    ("expected", "present", "note", "wanted"),
    [
        ("NOTIFIED", "NEW", None, "NOTIFIED"),
        ("RESOLVED", "NOTIFIED", None, "RESOLVED"),
        ("NEW", "NEW", None, None),
        ("SUPPRESSED", "SUPPRESSED", None, "RESOLVED"),
        ("RESOLVED", "RESOLVED", _by_ben("mine"), "NOTIFIED"),
        ("RESOLVED", "RESOLVED", None, "NOTIFIED"),
        ("NOTIFIED", "RESOLVED", {"Text": "[stanch] contained [/stanch]", "UpdatedBy": OUR_NAME}, "NOTIFIED"),
    ],
)
def test_a_person_s_decision_about_the_finding_stays(
    expected: str, present: str, note: dict[str, str] | None, wanted: str | None
) -> None:
    hub = Hub(note, workflow=present)
    _tell(hub, wanted)
    assert hub.finding["Workflow"] == {"Status": expected}


@pytest.mark.parametrize(
    ("expected", "codes", "tries"),
    [
        (Gone, ["FindingNotFound"], 1),
        (Rejected, ["DuplicatedFindingIdentifier"], 1),
        (Conflict, ["ConcurrentUpdateError"] * 9, 4),
    ],
)
def test_an_unprocessed_finding_is_a_failure(expected: type[AwsError], codes: list[str], tries: int) -> None:
    hub = Hub(codes=codes)
    with pytest.raises(expected):
        _tell(hub)
    assert len(hub.updates) == tries
    assert hub.finding["Workflow"] == {"Status": "NEW"}


def test_a_finding_that_another_writer_held_for_a_moment_is_written_in_the_end() -> None:
    hub = Hub(codes=["ConcurrentUpdateError"])
    change = _tell(hub)
    assert telling.verify(_aws(hub), change).how == "by_configuration"


def test_undo_never_writes() -> None:
    hub = Hub()
    change = _tell(hub)
    assert isinstance(telling.undo(_aws(hub), change), Executed)
    assert len(hub.updates) == 1
