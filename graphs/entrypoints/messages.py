"""A batch of SQS messages: each by itself, so that a bad one fails no other and a poisonous one is parked."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from traceback import format_tb
from typing import Any, Self

from pydantic import JsonValue

from agent.plural import plural
from agent.record import Record
from graphs.entrypoints.log import log
from graphs.entrypoints.reading import Unreadable, read
from graphs.entrypoints.screened import chosen, screened

AT_ONCE = 4
"""Messages of a batch that are worked at the same time."""
RESERVE_MS = 30_000
"""With less than this left of the invocation, no further message is begun: the queue delivers it again."""


class Message(Record):
    """One message as the queue delivered it."""

    id: str
    body: str
    receives: int

    @classmethod
    def of(cls, record: Any) -> Self:
        """From an element of `Records`."""
        receives = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
        return cls(id=record["messageId"], body=record["body"], receives=receives)


def is_batch(event: Any) -> bool:
    """Whether a queue delivers this."""
    records = event.get("Records") if isinstance(event, dict) else None
    return isinstance(records, list) and all(
        isinstance(record, dict) and record.get("eventSource") == "aws:sqs" for record in records
    )


def answered(records: Sequence[Any], context: Any) -> JsonValue:
    """The answer of a batch: the messages that are to be delivered again."""
    messages = [Message.of(record) for record in records]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="message") as pool:
        ended = [pool.submit(_settled, message, context) for message in messages]
        left = [
            message.id for message, end in zip(messages, ended, strict=True) if not _acknowledged(message, end, pool)
        ]
    return {"batchItemFailures": [{"itemIdentifier": identity} for identity in left]}


def _acknowledged(message: Message, ended: Future[bool], pool: ThreadPoolExecutor) -> bool:
    """Whether the queue may forget it. One that cannot even be parked comes again, and the others are none the worse."""
    error = ended.exception()
    if error is None:
        return ended.result()
    _say(message, error)
    if message.receives < chosen().receives:
        return False
    parking = pool.submit(
        _park, message, f"failed {plural(message.receives, 'time')}, last with {type(error).__name__}"
    )
    unkept = parking.exception()
    if unkept is not None:
        _say(message, unkept)
    return unkept is None


def _say(message: Message, error: BaseException) -> None:
    """Where, not what: the message of an error may quote the finding."""
    where = "".join(format_tb(error.__traceback__)[-3:])
    log.error("message %s, received %d times: %s\n%s", message.id, message.receives, type(error).__name__, where)


def _settled(message: Message, context: Any) -> bool:
    """Whether the queue may forget the message: it is worked, refused or parked. If not, it is delivered again later."""
    body = read(message.body.encode("utf-8", "surrogatepass"))
    if isinstance(body, Unreadable):
        _park(message, body.why)
        return True
    first = screened(body, "sqs")
    if first.malformed:
        _park(message, first.malformed)
    if first.reports is not None:
        return True
    if message.receives > chosen().receives:
        _park(message, f"received {plural(message.receives, 'time')}, and never worked to an end")
        return True
    if context is not None and context.get_remaining_time_in_millis() < RESERVE_MS:
        return False
    from graphs.entrypoints.working import done_with

    return done_with(first.event)


def _park(message: Message, reason: str) -> None:
    from graphs.bootstrap import kept
    from graphs.parking import park

    parked = park(kept(chosen()), message.body, reason, message.receives, datetime.now(UTC))
    log.error("message %s is parked as %s: %s", message.id, parked.id, parked.reason)
