"""Telling the newer Security Hub: decisions that are a person's stay, and an unprocessed finding is a failure."""

from typing import Any

import pytest
from hub_v2_scene import BLANK, PRODUCT, ocsf
from test_securityhub_told import _TARGET, Hub, _aws

from agent.note import NOTE_LIMIT
from agent.plan import Change
from agent.record import JsonObject
from tools.actions import securityhub_update_finding as telling
from tools.aws import AwsError, Conflict, Gone, Rejected

OURS = "[stanch] contained [/stanch]"


class NewerHub(Hub):
    """The newer Security Hub with one finding, which answers its updates with the given error codes, one after the other."""

    def __init__(self, codes: list[str] | None = None, **fields: Any) -> None:
        super().__init__(codes=codes)
        self.kept = ocsf(BLANK) | fields

    def get_findings_v2(self, **asked: Any) -> dict[str, Any]:
        return {"Findings": [ocsf("somebody else's"), self.kept]}

    def batch_update_findings_v2(self, **fields: Any) -> dict[str, Any]:
        self.updates.append(fields)
        if self.codes:
            return {"ProcessedFindings": [], "UnprocessedFindings": [{"ErrorCode": self.codes.pop(0)}]}
        names = {"Comment": "comment", "StatusId": "status_id"}
        self.kept |= {names[name]: value for name, value in fields.items() if name in names}
        return {"ProcessedFindings": [{}], "UnprocessedFindings": []}


def tell(hub: NewerHub, workflow: str | None = "NOTIFIED", words: str = "contained") -> Change:
    params: JsonObject = {"finding_id": BLANK, "product_arn": PRODUCT, "workflow": workflow, "note": words}
    planned = telling.plan(_aws(hub), _TARGET, params, "r1")
    assert isinstance(planned, Change)
    telling.execute(_aws(hub), planned)
    return planned


def test_only_comment_and_status_are_held_and_only_what_changes_is_sent() -> None:
    hub = NewerHub(comment=OURS)
    change = tell(hub)
    assert (change.before, change.after) == (
        {"comment": OURS, "status_id": 1},
        {"comment": OURS, "status_id": 2},
    )
    (sent,) = hub.updates
    assert sent == {
        "FindingIdentifiers": [
            {"CloudAccountUid": _TARGET.account, "FindingInfoUid": BLANK, "MetadataProductUid": PRODUCT}
        ],
        "StatusId": 2,
    }


def test_a_comment_is_as_long_as_one_may_be_and_keeps_a_person_s_words() -> None:
    hub = NewerHub(comment="Ask Ana first.")
    tell(hub, words="so much " * 200)
    assert len(str(hub.kept["comment"])) == NOTE_LIMIT
    assert str(hub.kept["comment"]).endswith("[/stanch]\nAsk Ana first.")


@pytest.mark.parametrize(
    ("expected", "present", "comment", "wanted"),
    [
        (2, 1, None, "NOTIFIED"),
        (2, 0, None, "NOTIFIED"),
        (4, 2, None, "RESOLVED"),
        (1, 1, None, None),
        (3, 3, None, "RESOLVED"),
        (5, 5, None, "NOTIFIED"),
        (99, 99, OURS, "NOTIFIED"),
        (4, 4, "mine", "NOTIFIED"),
        (4, 4, None, "NOTIFIED"),
        (2, 4, OURS, "NOTIFIED"),
    ],
)
def test_a_person_s_decision_about_the_finding_stays(
    expected: int, present: int, comment: str | None, wanted: str | None
) -> None:
    hub = NewerHub(status_id=present, **({"comment": comment} if comment else {}))
    tell(hub, wanted)
    assert hub.kept["status_id"] == expected


@pytest.mark.parametrize(
    ("expected", "codes", "tries"),
    [
        (Gone, ["ResourceNotFoundException"], 1),
        (Rejected, ["ValidationException"], 1),
        (Conflict, ["ConflictException", "InternalServerException"] * 4, 4),
    ],
)
def test_an_unprocessed_finding_is_a_failure(expected: type[AwsError], codes: list[str], tries: int) -> None:
    hub = NewerHub(codes)
    with pytest.raises(expected):
        tell(hub)
    assert (len(hub.updates), hub.kept["status_id"]) == (tries, 1)
