"""One world with everything that the sources look at, the findings about it, and how a source is asked."""

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from agent.evidence import Answered
from agent.finding import Finding, Origin, Situation, Untrusted
from agent.target import GLOBAL, Target, TargetKind
from tools.aws import Aws, Phase
from tools.sandbox.engine import Sandbox
from tools.sandbox.seed import seed
from tools.sandbox.world import World
from tools.source import Question, Source, sources

ACCOUNT, OTHER_ACCOUNT, REGION = "111122223333", "444455556666", "eu-west-1"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY, SECOND_KEY, BUCKET, USER = "AKIAALICEEXAMPLE0001", "AKIAALICEEXAMPLE0002", "orders-data", "alice"
ATTACKER, OFFICE = "198.51.100.7", "203.0.113.20"

_PUBLIC = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}

WORLD: dict[str, Any] = {
    "now": NOW,
    "account": ACCOUNT,
    "region": REGION,
    "registry": {
        "trusted_networks": ["203.0.113.0/24"],
        "automation": ["deploy"],
        "accounts": {ACCOUNT: {"environment": "dev"}},
    },
    "iam": {
        "users": [
            {
                "name": USER,
                "keys": [{"id": KEY, "created": "-90d", "last_used": {"at": "-3d"}}],
                "policies": {"own": {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}},
                "groups": ["staff"],
            }
        ],
        "groups": [{"name": "staff"}],
    },
    "s3": {"buckets": [{"name": BUCKET, "policy": {"Version": "2012-10-17", "Statement": [_PUBLIC]}}]},
    "cloudtrail": {
        "events": [
            {"at": "-40m", "name": "ListUsers", "key": KEY, "user": USER, "address": ATTACKER, "region": "us-east-1"},
            {"at": "-50m", "name": "DescribeInstances", "source": "ec2", "key": KEY, "user": USER, "address": OFFICE},
            {"at": "-2h", "name": "PutBucketPolicy", "source": "s3", "role": "admins", "resources": [BUCKET]},
        ]
    },
    "flow_logs": [
        {
            "group": "/vpc/flow",
            "vpc": "vpc-0123456789abcdef0",
            "interface": "eni-0123456789abcdef0",
            "records": [
                {"at": "-1h", "src": ATTACKER, "dst": "10.0.0.5", "bytes": 300},
                {"at": "-50m", "src": "10.0.0.5", "dst": ATTACKER, "bytes": 5000},
                {"at": "-50m", "src": ATTACKER, "dst": "10.0.0.9", "action": "REJECT"},
                {"at": "-50m", "src": "10.0.0.5", "dst": OFFICE, "bytes": 77},
            ],
        }
    ],
    "macie": {
        "findings": [{"bucket": BUCKET}],
        "buckets": [{"name": BUCKET, "sensitivity_score": 83, "public": "PUBLIC"}],
    },
}

KEY_TARGET = Target(kind=TargetKind.ACCESS_KEY, id=KEY, account=ACCOUNT, region=GLOBAL, owner=USER)
USER_TARGET = Target(kind=TargetKind.USER, id=USER, account=ACCOUNT, region=GLOBAL)
BUCKET_TARGET = Target(kind=TargetKind.BUCKET, id=BUCKET, account=ACCOUNT, region=REGION)
ADDRESS_TARGET = Target(kind=TargetKind.ADDRESS, id=ATTACKER, account=ACCOUNT, region=REGION)

FINDING = Finding(
    key="example",
    version="1",
    origin=Origin.GUARDDUTY,
    type="UnauthorizedAccess:IAMUser/MaliciousIPCaller",
    situation=Situation.CREDENTIAL_ABUSE,
    account=ACCOUNT,
    region=REGION,
    severity=80,
    title=Untrusted(text="t"),
    description=Untrusted(text="d"),
    first_seen=datetime(2026, 3, 1, 11, tzinfo=UTC),
    last_seen=datetime(2026, 3, 1, 11, 20, tzinfo=UTC),
    targets=[KEY_TARGET, USER_TARGET, BUCKET_TARGET],
    remote_addresses=[ADDRESS_TARGET],
)


def changed(path: str, value: Any) -> dict[str, Any]:
    """The world with one place of it changed: `s3.buckets.0.website`. A list takes its next index as one more."""
    world = copy.deepcopy(WORLD)
    *way, last = path.split(".")
    place: Any = world
    for part in way:
        place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
    if isinstance(place, list) and int(last) == len(place):
        place.append(value)
    else:
        place[int(last) if isinstance(place, list) else last] = value
    return world


def built(world: dict[str, Any]) -> tuple[Sandbox, World]:
    """A sandbox with this world in it."""
    parsed = World.model_validate(world)
    sandbox = Sandbox.fresh(7, parsed.now)
    seed(sandbox, parsed)
    return sandbox, parsed


def aws_for(sandbox: Sandbox, declared: Any, phase: Phase = Phase.READ, **more: Any) -> Aws:
    """AWS as a unit sees it in this sandbox."""
    return Aws(sandbox.clients(), ACCOUNT, REGION, "aws", phase, declared, sleep=lambda seconds: None, **more)


def gather(name: str, sandbox: Sandbox, world: World, finding: Finding = FINDING, **more: Any) -> Answered:
    """Ask one source."""
    source = sources()[name]
    question = Question(finding=finding, now=world.now, registry=world.registry)
    return source.gather(aws_for(sandbox, source.CALLS, **more), question)


def ask(name: str, world: dict[str, Any], finding: Finding = FINDING, **more: Any) -> Answered:
    """Ask one source about one world."""
    return gather(name, *built(world), finding, **more)


def values(answered: Answered) -> dict[str, Any]:
    """Every fact by name and the id of what it is about: its value, or its standing with the note."""
    return dict(_values(answered))


def _values(answered: Answered) -> Iterator[tuple[str, Any]]:
    for fact in answered.facts:
        assert fact.about is not None
        known = fact.standing.value == "known"
        yield f"{fact.name} {fact.about.id}", fact.value if known else f"{fact.standing.value}: {fact.note}"


def expected_names(source: Source, finding: Finding) -> set[tuple[str, str]]:
    """Every fact that the source declares, about each of the finding's targets of its kind."""
    kinds = {"key": "access_key", "user": "user", "bucket": "bucket", "account": "bucket", "address": "address"}
    about = [*finding.targets, *finding.remote_addresses]
    return {(name, t.id) for name in source.SPEC.facts for t in about if kinds[name.split(".")[0]] == t.kind.value}
