"""GuardDuty attack sequences: who acted and what they touched, read as Security Hub would list it."""

from agent.intake.hub import SeenResource, subject_of
from agent.intake.naming import Naming
from agent.intake.node import Node
from agent.intake.subject import Principal, Subject

_TYPES = {
    "ACCESS_KEY": "AwsIamAccessKey",
    "EC2_INSTANCE": "AwsEc2Instance",
    "EC2_NETWORK_INTERFACE": "AwsEc2NetworkInterface",
    "EKS_CLUSTER": "AwsEksCluster",
    "S3_BUCKET": "AwsS3Bucket",
}
"""Security Hub's word for each type that becomes a target. All others, as ECS clusters and tasks, are only named."""
_TAGGED = frozenset({"EC2_INSTANCE", "EC2_NETWORK_INTERFACE"})
"""Types whose name is a tag that anybody may write: beside a `uid` it counts for nothing."""


def with_sequence(naming: Naming, base: Subject, sequence: Node) -> Subject:
    """An attack sequence has no details blocks: its actors and resources stand in the sequence, each with its account."""
    if not isinstance(sequence.value, dict):
        return base
    listed = subject_of(naming, [_resource(item) for item in sequence.loose("resources").items()], [])
    actors = [_actor(actor.loose("user")) for actor in sequence.loose("actors").items()]
    known = {actor.key_id for actor in actors}
    keys = [key for key in listed.principals if key.key_id not in known]
    return base.model_copy(
        update={
            "principals": [*base.principals, *actors, *keys],
            "buckets": [*base.buckets, *listed.buckets],
            "machines": [*base.machines, *listed.machines],
            "interfaces": [*base.interfaces, *listed.interfaces],
            "clusters": [*base.clusters, *listed.clusters],
            "others": [*base.others, *listed.others],
        }
    )


def _resource(item: Node) -> SeenResource:
    kind, uid, name = item.loose("resourceType").text or "", item.loose("uid"), item.loose("name")
    ids = [node.text for node in (uid, name) if node.text]
    cards = item.loose("data", "ec2Instance", "ec2NetworkInterfaceUids").items()
    return SeenResource(
        type=_TYPES.get(kind, kind),
        ids=ids[:1] if kind in _TAGGED else sorted(ids, key=lambda text: not text.startswith("arn:")),
        region=item.loose("region").text,
        where=(uid if uid.text else item).path,
        owner=item.loose("accountId").text,
        elsewhere=not (item.loose("cloudPartition").text or "aws").startswith("aws"),
        key=_key(item, ids) if kind == "ACCESS_KEY" else None,
        interfaces=[card.text.rsplit("/", 1)[-1] for card in cards if card.text],
    )


def _key(item: Node, ids: list[str]) -> Principal:
    key = item.loose("data", "accessKey")
    return Principal(
        key_id=ids[0].rsplit("/", 1)[-1].rsplit(":", 1)[-1] if ids else None,
        user_type=key.loose("userType").text,
        user_name=key.loose("userName").text,
        principal_id=key.loose("principalId").text,
        account=item.loose("accountId").text,
    )


def _actor(user: Node) -> Principal:
    return Principal(
        key_id=user.loose("credentialUid").text,
        user_type=user.loose("type").text,
        user_name=user.loose("name").text,
        principal_id=user.loose("uid").text,
        account=user.loose("account", "uid").text,
    )
