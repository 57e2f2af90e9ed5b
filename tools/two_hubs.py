"""Security Hub has two APIs, and a finding is kept by one of them: which one, its product's ARN says."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from agent.record import JsonObject
from tools.aws import Aws, AwsCall, Phase
from tools.hub_findings import AsffFinding, Said
from tools.hub_findings_v2 import KEPT, OcsfFinding, word_of

_HUB = "arn:{partition}:securityhub:{region}:{account}:hub"
_GET = AwsCall("securityhub", "GetFindings", "securityhub:GetFindings", f"{_HUB}/default", frozenset())
_UPDATE = AwsCall(
    "securityhub", "BatchUpdateFindings", "securityhub:BatchUpdateFindings", f"{_HUB}/default", frozenset(), writes=True
)


@dataclass(frozen=True)
class HubCalls:
    """What reads a finding and what changes it, by either API. Each pair is one permission, on different resources."""

    get: AwsCall
    update: AwsCall
    get_v2: AwsCall
    update_v2: AwsCall

    @property
    def all(self) -> frozenset[AwsCall]:
        """What an action declares."""
        return frozenset({self.get, self.update, self.get_v2, self.update_v2})


def hub_calls(*, reads: Iterable[Phase], writes: Iterable[Phase]) -> HubCalls:
    """The four calls, each in the phases of its kind."""
    get, update = replace(_GET, phases=frozenset(reads)), replace(_UPDATE, phases=frozenset(writes))
    return HubCalls(get, update, _newer(get), _newer(update))


def _newer(call: AwsCall) -> AwsCall:
    return replace(call, operation=f"{call.operation}V2", resource=f"{_HUB}v2/*")


class HubFinding(Protocol):
    """One finding, where it is kept."""

    def read(self) -> dict[str, Any]:
        """The finding as it is. Raises Gone if there is none."""
        ...

    def state(self, finding: dict[str, Any]) -> JsonObject:
        """Only the fields that are written: the note, and the status."""
        ...

    def said(self, state: JsonObject) -> Said:
        """What a state says."""
        ...

    def saying(self, state: JsonObject, text: str | None, workflow: str | None) -> JsonObject:
        """The state with our text and that workflow status; what is None stays as it is."""
        ...

    def is_severe(self, finding: dict[str, Any]) -> bool:
        """Whether its product calls it high or critical."""
        ...

    def write(self, before: JsonObject, after: JsonObject) -> None:
        """Only the fields that change. Raises Conflict, Gone or Rejected if the finding stays unprocessed."""
        ...


def workflow_of(state: JsonObject) -> str:
    """The status in a state of either API, in that API's own word."""
    status = state.get("status_id")
    return word_of(status) if isinstance(status, int) else str(state["workflow"])


def words_of(state: JsonObject) -> str | None:
    """The comment in a state of the newer Security Hub. ASFF's note says itself who wrote it and when."""
    comment = state.get("comment")
    return comment if isinstance(comment, str) else None


def kept(
    aws: Aws, calls: HubCalls, account: str, finding_id: str, product_arn: str, blank: str | None = None
) -> HubFinding:
    """The finding of that account, by the API that knows it. `blank`: our words that read as no note."""
    if KEPT in product_arn:
        return OcsfFinding(aws, calls.get_v2, calls.update_v2, account, finding_id, product_arn, blank)
    return AsffFinding(aws, calls.get, calls.update, finding_id, product_arn, blank)
