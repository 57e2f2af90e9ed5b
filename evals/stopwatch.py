"""How long each node of the graph took, read off the checkpoints that are made between them."""

import time
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.memory import InMemorySaver


class Stopwatch(InMemorySaver):
    """A saver that sums up the seconds between checkpoints, by the nodes that ran between them."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.nodes: dict[str, float] = {}
        self._last = time.perf_counter()
        self._seen: dict[str, dict[str, Any]] = {}

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep it, and give the time since the last one to whoever ran."""
        now = time.perf_counter()
        thread = str(config.get("configurable", {}).get("thread_id", ""))
        before, seen = self._seen.get(thread, {}), dict(checkpoint["versions_seen"])
        ran = sorted(node for node in seen if not node.startswith("__") and seen[node] != before.get(node))
        for node in ran:
            self.nodes[node] = self.nodes.get(node, 0.0) + (now - self._last) / len(ran)
        self._seen[thread] = {node: dict(versions) for node, versions in seen.items()}
        self._last = time.perf_counter()
        return super().put(config, checkpoint, metadata, new_versions)
