"""A frozen record is checked once and written once; another one that looks like it is not taken for it."""

import gc
from datetime import UTC, datetime
from typing import Any

import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Send
from pydantic import BaseModel, ConfigDict, ValidationError

from agent.record import Moment, Record
from agent.target import Target, TargetKind
from graphs.checkpoints import Writer, serializer
from graphs.once import CHECKED, Checked

ADDRESS = {"kind": TargetKind.ADDRESS, "id": "192.0.2.0/24", "account": "111122223333", "region": "eu-west-1"}


class Room(BaseModel):
    """Two slots of different kinds."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    target: Checked[Target] | None = None
    more: dict[str, Checked[Target]] = {}


class Other(Record):
    """Of another kind."""

    id: str


class Timed(Record):
    """With a moment."""

    at: Moment


class Strange(BaseModel):
    """A slot for the other kind."""

    other: Checked[Other]


def _target(**fields: Any) -> Target:
    return Target(**{**ADDRESS, **fields})


def test_a_record_that_a_slot_has_checked_is_handed_on_as_it_is() -> None:
    first = Room(target=_target(), more={"a": _target(id="198.51.100.0/24")})
    again = Room(target=first.target, more=first.more)
    assert again.target is first.target
    assert again.more["a"] is first.more["a"]


def test_what_is_made_of_a_checked_record_is_checked_itself() -> None:
    checked = Room(target=_target()).target
    assert checked is not None
    forged = checked.model_copy(update={"id": "not an address"})
    for slots in ({"target": forged}, {"more": {"a": forged}}):
        with pytest.raises(ValidationError, match="not an address"):
            Room.model_validate(slots)


def test_a_checked_record_does_not_pass_in_the_slot_of_another_kind() -> None:
    checked = Room(target=_target()).target
    with pytest.raises(ValidationError):
        Strange.model_validate({"other": checked})


def test_nothing_is_known_of_a_record_that_is_gone() -> None:
    gc.collect()
    before = len(CHECKED)
    room = Room(target=_target())
    assert len(CHECKED) == before + 1
    del room
    gc.collect()
    assert len(CHECKED) == before


def test_a_record_is_written_once_however_often_a_checkpoint_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[BaseModel] = []
    write = Writer._write

    def noting(self: Writer, record: BaseModel) -> Any:
        written.append(record)
        return write(self, record)

    monkeypatch.setattr(Writer, "_write", noting)
    target, twin = _target(), _target()
    held: list[Any] = [target, {"a": target}, [("x", target)], Send("investigate", target), {"b": twin}]
    loaded = [serializer().loads_typed(serializer().dumps_typed(each)) for each in held]
    assert written == [target, twin]
    assert loaded[0] == target
    assert loaded[1]["a"] == target
    assert loaded[3].arg == target


def test_what_langgraph_wrote_itself_is_still_read() -> None:
    held = {"a": _target(), "b": [1, None, "x"]}
    before = JsonPlusSerializer(allowed_msgpack_modules=[("agent.target", "Target"), ("agent.target", "TargetKind")])
    assert serializer().loads_typed(before.dumps_typed(held)) == held


def test_a_moment_is_the_same_after_it_was_stored() -> None:
    checked = Timed(at=datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC))
    assert Timed.model_validate(checked.model_dump(mode="json")) == checked
