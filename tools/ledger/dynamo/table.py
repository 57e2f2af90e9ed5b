"""The requests to the ledger's one table: consistent reads, and every write a transaction that either holds or did nothing."""

import random
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

import botocore.exceptions

from tools.ledger.dynamo.attributes import Item, Key, Write, item
from tools.ledger.faults import Unavailable
from tools.ledger.tables import LISTED, PARTITION, SORT

T = TypeVar("T")

TURNS = 8
"""How often we try while others are at the same items."""
_FIRST_PAUSE = 0.02
_AT_ONCE = 100
"""Keys of one BatchGetItem."""
_PASSING = {
    "TransactionConflict", "TransactionConflictException", "TransactionInProgressException", "ThrottlingError",
    "ProvisionedThroughputExceeded",
}  # fmt: skip
"""Why a transaction is cancelled that may well succeed the next time."""


class Moved(Exception):
    """What was read has changed before it could be written on: read again."""


class Table:
    """The table, through a boto3 client of DynamoDB. `pause` waits, in seconds."""

    def __init__(self, client: Any, name: str, pause: Callable[[float], None]) -> None:
        self._client = client
        self._name = name
        self._pause = pause

    def get(self, key: Key) -> Item | None:
        """One item as it is now."""
        answer = self._ask("get_item", TableName=self._name, Key=key.wire, ConsistentRead=True)
        return item(answer["Item"]) if "Item" in answer else None

    def query(self, partition: str, prefix: str = "", *, newest_first: bool = False, page: int = 100) -> Iterator[Item]:
        """The items of a partition as they are now, in order; a further page is asked for only when it is needed."""
        return self._pages(
            ConsistentRead=True,
            KeyConditionExpression="#p = :p" + (" AND begins_with(#s, :s)" if prefix else ""),
            ExpressionAttributeNames={"#p": PARTITION} | ({"#s": SORT} if prefix else {}),
            ExpressionAttributeValues={":p": {"S": partition}} | ({":s": {"S": prefix}} if prefix else {}),
            ScanIndexForward=not newest_first,
            Limit=page,
        )

    def listed(self, kind: str, since: str = "") -> Iterator[Item]:
        """The items listed under a name, of all times or since then. They may be a moment old."""
        return self._pages(
            IndexName=LISTED.name,
            KeyConditionExpression="#p = :p" + (" AND #s >= :s" if since else ""),
            ExpressionAttributeNames={"#p": LISTED.partition} | ({"#s": LISTED.sort} if since else {}),
            ExpressionAttributeValues={":p": {"S": kind}} | ({":s": {"S": since}} if since else {}),
        )

    def many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """Those of the items that are there, as they are now."""
        found: dict[Key, Item] = {}
        asked = [key.wire for key in dict.fromkeys(keys)]
        for start in range(0, len(asked), _AT_ONCE):
            self._batch(asked[start : start + _AT_ONCE], found)
        return found

    def _batch(self, keys: list[Any], found: dict[Key, Item]) -> None:
        for pause in self._turns():
            request = {self._name: {"Keys": keys, "ConsistentRead": True}}
            answer = self._ask("batch_get_item", RequestItems=request)
            for each in map(item, answer["Responses"].get(self._name, [])):
                found[Key(each[PARTITION], each[SORT])] = each
            keys = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
            if not keys:
                return
            pause()
        raise Unavailable(f"DynamoDB did not answer for all items of {self._name}: try again later")

    def write(self, *writes: Write) -> set[int]:
        """Write all, or nothing: then the positions whose conditions did not hold.

        A repeat by botocore carries the same token, so that an answer that was lost changes nothing.
        """
        for pause in self._turns():
            failed = self._written([write.wire(self._name) for write in writes])
            if failed is not None:
                return failed
            pause()
        raise Unavailable(f"others kept writing what we wanted to write in {self._name}: try again later")

    def _written(self, wire: list[Any]) -> set[int] | None:
        """None: somebody else was at it."""
        try:
            self._client.transact_write_items(TransactItems=wire)
        except botocore.exceptions.ClientError as error:
            codes = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
            failed = {position for position, code in enumerate(codes) if code == "ConditionalCheckFailed"}
            if not failed and _PASSING.isdisjoint({*codes, error.response["Error"]["Code"]}):
                raise _unavailable(self._name, error) from error
            return failed or None
        except botocore.exceptions.BotoCoreError as error:
            raise _unavailable(self._name, error) from error
        return set()

    def again(self, attempt: Callable[[], T]) -> T:
        """Read, decide and write, until nobody came between."""
        for pause in self._turns():
            try:
                return attempt()
            except Moved:
                pause()
        raise Unavailable(f"what was read in {self._name} kept changing: try again later")

    def _turns(self) -> Iterator[Callable[[], None]]:
        """Turns, each with the pause after it: twice as long as the one before, and never the same for two."""
        for turn in range(TURNS):
            seconds = _FIRST_PAUSE * 2**turn * (0.5 + random.random())  # noqa: S311 - spreads rivals, keeps no secret
            yield partial(self._pause, seconds)

    def _pages(self, **asked: Any) -> Iterator[Item]:
        while True:
            answer = self._ask("query", TableName=self._name, **asked)
            yield from map(item, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _ask(self, operation: str, **asked: Any) -> Any:
        try:
            return getattr(self._client, operation)(**asked)
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
            raise _unavailable(self._name, error) from error


def _unavailable(table: str, error: Exception) -> Unavailable:
    """In words: which table, and what AWS or botocore calls it."""
    if isinstance(error, botocore.exceptions.ClientError):
        code, said = error.response["Error"]["Code"], error.response["Error"].get("Message", "")[:200]
        return Unavailable(f"DynamoDB does not serve the table {table}: {code}: {said}")
    return Unavailable(f"no answer from DynamoDB about the table {table}: {type(error).__name__}")
