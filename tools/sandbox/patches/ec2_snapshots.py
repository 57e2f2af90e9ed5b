"""Snapshots of an instance: pending when they are taken, with the tags of their volumes where asked."""

from typing import Any

from tools.sandbox.mechanism import patch


@patch(
    "moto.ec2.models.elastic_block_store",
    "EBSBackend.create_snapshots",
    source="f48caf4d592e",
    why="moto gives no state, leaves out no data volume, and fails on a volume's tags",
)
def _snapshots(original: Any) -> Any:
    def create(self: Any, instance_spec: dict[str, Any], description: str, tags: dict[str, str]) -> Any:
        snapshots = original(self, instance_spec, description, tags)
        left_out = set(instance_spec.get("ExcludeDataVolumeIds") or ())
        for snapshot in snapshots:
            snapshot.state = "pending"
            if snapshot.volume_id in left_out:
                del self.snapshots[snapshot.id]
        return [snapshot for snapshot in snapshots if snapshot.volume_id not in left_out]

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
