"""A batch of a queue: what becomes of one message is nothing to the others."""

from datetime import UTC, datetime
from typing import Any

import pytest

from agent.event import Event
from graphs.entrypoints import messages, working
from graphs.entrypoints.screened import Screened, chosen


def record(name: str, body: str, receives: int) -> dict[str, Any]:
    """A message as SQS delivers it."""
    attributes = {"ApproximateReceiveCount": str(receives)}
    return {"messageId": name, "body": body, "eventSource": "aws:sqs", "attributes": attributes}


class Poison(Exception):
    """What one message does to whoever works it."""


@pytest.mark.parametrize(
    ("receives", "kept", "left"),
    [(1, True, ["bad"]), ("last", True, []), ("last", False, ["bad"])],
    ids=["comes again", "is parked", "cannot be parked"],
)
def test_a_poisonous_message_fails_no_other_even_if_it_cannot_be_parked(
    receives: int | str, kept: bool, left: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    parked: list[str] = []

    def work(event: Event) -> bool:
        if event.body == {"finding": "bad"}:
            raise Poison
        return True

    def park(message: messages.Message, reason: str) -> None:
        if not kept:
            raise Poison
        parked.append(message.id)

    monkeypatch.setattr(working, "done_with", work)
    monkeypatch.setattr(messages, "_park", park)
    monkeypatch.setattr(messages, "screened", _passed)
    times = chosen().receives if receives == "last" else int(receives)
    batch = [record("good", '{"finding": "good"}', times), record("bad", '{"finding": "bad"}', times)]
    assert messages.answered(batch, None) == {"batchItemFailures": [{"itemIdentifier": name} for name in left]}
    assert parked == ([] if left else ["bad"])


def _passed(body: Any, via: Any) -> Any:
    return Screened(event=Event(body=body, received_at=datetime.now(UTC), via=via), reports=None)
