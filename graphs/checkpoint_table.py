"""Checkpoints in DynamoDB: LangChain's saver, with what it lacks: consistent reads, a known size, and the lease."""

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph_checkpoint_aws.checkpoint.dynamodb import DynamoDBSaver

from graphs.checkpoints import serializer
from tools.ledger import TooLarge

LARGEST = 350 * 1024
"""Bytes of a packed checkpoint, or of one write, that an item of DynamoDB surely holds."""
FENCE = "fence"
"""Where a run's config says by which lease it is worked."""
_THREAD = re.compile(r"(run|sbx)-[0-9a-f]{12}")


class CheckpointTable(BaseCheckpointSaver[int]):
    """A saver over one table, from which only our own records come back. Nothing in it expires.

    `leased(run_id, fence)` raises LostLease: a holder that was taken over must not store what would be the newest checkpoint.
    """

    def __init__(self, client: Any, table: str, leased: Callable[[str, int], None]) -> None:
        super().__init__(serde=serializer())
        self._saver: BaseCheckpointSaver[int] = _Saver(
            table, session=_Given(client), enable_checkpoint_compression=True
        )
        self._leased = leased

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The newest checkpoint of a thread, or the one that the config names."""
        return self._saver.get_tuple(config)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """The checkpoints of a thread, the newest first."""
        return self._saver.list(config, filter=filter, before=before, limit=limit)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint. Raises TooLarge before anything is written, ValueError for what is no run's, LostLease."""
        self._admit(config, {"checkpoint": checkpoint, "metadata": metadata})
        return self._saver.put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote. Raises as `put` does."""
        self._admit(config, *(value for _, value in writes))
        self._saver.put_writes(config, writes, task_id, task_path)

    def _admit(self, config: RunnableConfig, *values: Any) -> None:
        thread = str(config["configurable"]["thread_id"])
        if not _THREAD.fullmatch(thread):
            raise ValueError(f"{thread[:80]!r} is no run: a thread's id goes into keys as it is")
        for value in values:
            size = len(zlib.compress(self.serde.dumps_typed(value)[1]))
            if size > LARGEST:
                raise TooLarge(f"the state of {thread} is {size} bytes when packed, and a checkpoint holds {LARGEST}")
        self._leased(thread, int(config["configurable"].get(FENCE, 0)))


class _Saver(DynamoDBSaver):  # type: ignore[misc]  # the library has no types
    """The library's, with our serializer: its base keeps the one that it finds."""

    serde = serializer()


class _Given:
    """Where the saver looks for its client: it gets the one that we have, reading consistently.

    The saver writes what a checkpoint is before what it holds, and answers with an earlier one where it does not see both yet.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.put_item = client.put_item

    def client(self, *_: Any, **__: Any) -> "_Given":
        return self

    def get_item(self, **asked: Any) -> Any:
        return self._client.get_item(ConsistentRead=True, **asked)

    def query(self, **asked: Any) -> Any:
        return self._client.query(ConsistentRead=True, **asked)
