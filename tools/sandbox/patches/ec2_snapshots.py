"""Snapshots of an instance: pending when taken, complete when looked at, with their volumes' tags where asked."""

import copy
from typing import Any

from tools.sandbox.mechanism import patch


@patch(
    "moto.ec2.models.elastic_block_store",
    "EBSBackend.create_snapshots",
    source="f48caf4d592e",
    why="moto gives no state, and leaves out no data volume",
)
def _snapshots(original: Any) -> Any:
    def create(self: Any, instance_spec: dict[str, Any], description: str, tags: dict[str, str]) -> Any:
        taken = original(self, instance_spec, description, tags)
        left_out = set(instance_spec.get("ExcludeDataVolumeIds") or ())
        for snapshot in taken:
            if snapshot.volume_id in left_out:
                del self.snapshots[snapshot.id]
        told = [copy.copy(snapshot) for snapshot in taken if snapshot.volume_id not in left_out]
        for snapshot in told:
            snapshot.state = "pending"
        return told

    return create


@patch(
    "moto.ec2.responses.elastic_block_store",
    "ElasticBlockStore.create_snapshots",
    source="0a30ccead2ee",
    why="moto ignores CopyTagsFromSource",
)
def _copied_tags(original: Any) -> Any:
    def create(self: Any) -> Any:
        answer = original(self)
        if self._get_param("CopyTagsFromSource") == "volume":
            for snapshot in answer.result["Snapshots"]:
                own = {tag["key"]: tag["value"] for tag in snapshot.get_tags()}
                copied = {tag["key"]: tag["value"] for tag in snapshot.volume.get_tags()}
                snapshot.add_tags(copied | own)
        return answer

    return create
