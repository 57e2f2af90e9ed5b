"""One world with everything that the sources look at, the findings about it, and how a source is asked."""

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from agent.evidence import Answered
from agent.finding import Finding, Origin, Situation, Traffic, Untrusted
from agent.target import GLOBAL, Target, TargetKind
from tools import renamed_users
from tools.aws import Aws, Phase
from tools.sandbox.engine import Sandbox
from tools.sandbox.seed import seed
from tools.sandbox.world import World
from tools.source import Question, Source, sources

ACCOUNT, OTHER_ACCOUNT, REGION = "111122223333", "444455556666", "eu-west-1"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORGANIZATION = "123456789012"
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
        "organization": {"account": ORGANIZATION},
        "accounts": {ACCOUNT: {"role": "workload", "environment": "dev"}},
    },
    "organization": {
        "management": ORGANIZATION,
        "units": [{"name": "Production", "tags": {"owner": "platform"}}, {"name": "Web", "parent": "Production"}],
        "accounts": [{"account": ACCOUNT, "unit": "Web"}],
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
    "config": {"items": [{"bucket": BUCKET, "at": "-2h", "policy": "public_read"}, {"bucket": BUCKET, "at": "-40d"}]},
    "access_analyzer": {"findings": [{"bucket": BUCKET}]},
    "guardduty": {
        "findings": [
            {"key": KEY, "user": USER, "severity": 5, "at": "-1h"},
            {"type": "Policy:S3/BucketAnonymousAccessGranted", "bucket": BUCKET, "severity": 8},
        ]
    },
    "securityhub": {"findings": [{"control": "S3.8", "bucket": BUCKET}]},
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


INSTANCE, SIBLING, ROLE = "i-0aaaaaaaaaaaaaaa1", "i-0aaaaaaaaaaaaaaa2", "web-instance"
VISITOR = "198.51.100.66/32"

_TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}

ATTACKED: dict[str, Any] = {
    "now": NOW,
    "account": ACCOUNT,
    "region": REGION,
    "registry": {"accounts": {ACCOUNT: {"role": "workload", "environment": "dev"}}},
    "iam": {"roles": [{"name": ROLE, "trust": _TRUST}]},
    "ec2": {
        "vpcs": [{"id": "vpc-0aaaaaaaaaaaaaaa1", "cidr": "10.0.0.0/16", "dns_servers": ["10.0.1.53"]}],
        "subnets": [
            {"id": f"subnet-0aaaaaaaaaaaaaaa{n}", "vpc": "vpc-0aaaaaaaaaaaaaaa1", "cidr": f"10.0.{n}.0/24", "az": "abc"[n]}
            for n in (0, 1)
        ],
        "groups": [
            {"id": "sg-0aaaaaaaaaaaaaaa1", "vpc": "vpc-0aaaaaaaaaaaaaaa1", "name": "web"},
            {
                "id": "sg-0aaaaaaaaaaaaaaa2", "vpc": "vpc-0aaaaaaaaaaaaaaa1", "name": "closed", "egress": [],
                "tags": {"stanch:quarantine": "true"},
            },
        ],
        "profiles": [{"name": "web", "role": ROLE}],
        "instances": [
            {
                "id": INSTANCE,
                "profile": "web",
                "tags": {"Name": "web-1"},
                "interfaces": [
                    {
                        "id": f"eni-0aaaaaaaaaaaaaaa{n}", "subnet": f"subnet-0aaaaaaaaaaaaaaa{n}",
                        "address": f"10.0.{n}.15", "groups": ["sg-0aaaaaaaaaaaaaaa1"],
                    }
                    for n in (0, 1)
                ],
            },
            {
                "id": SIBLING,
                "profile": "web",
                "interfaces": [
                    {
                        "id": "eni-0aaaaaaaaaaaaaaa2", "subnet": "subnet-0aaaaaaaaaaaaaaa0", "address": "10.0.0.16",
                        "groups": ["sg-0aaaaaaaaaaaaaaa1"], "public_address": "203.0.113.80",
                    }
                ],
            },
        ],
        "nat_gateways": [
            {"id": "nat-0aaaaaaaaaaaaaaa1", "subnet": "subnet-0aaaaaaaaaaaaaaa0", "address": "203.0.113.81"}
        ],
        "addresses": [{"address": "203.0.113.82"}],
    },
    "autoscaling": {
        "groups": [{"name": "web", "min": 1, "desired": 2, "max": 4, "instances": [INSTANCE, SIBLING]}]
    },
    "elbv2": {
        "load_balancers": [
            {"name": "shop", "subnets": ["subnet-0aaaaaaaaaaaaaaa0", "subnet-0aaaaaaaaaaaaaaa1"]}
        ],
        "target_groups": [
            {
                "name": "shop", "vpc": "vpc-0aaaaaaaaaaaaaaa1", "load_balancers": ["shop"],
                "targets": [{"id": INSTANCE}, {"id": SIBLING}],
            },
            {"name": "empty", "vpc": "vpc-0aaaaaaaaaaaaaaa1", "target_type": "ip", "targets": []},
        ],
    },
    "wafv2": {
        "ip_sets": [
            {"name": "stanch-v4", "tags": {"stanch:purpose": "block"}},
            {
                "name": "edge-v4", "scope": "CLOUDFRONT", "addresses": ["198.51.100.0/25"],
                "tags": {"stanch:purpose": "block"},
            },
            {"name": "theirs", "addresses": ["203.0.113.4/32"], "tags": {"owner": "shop"}},
        ],
        "rule_groups": [{"name": "listed", "rules": [{"name": "listed", "ip_set": "stanch-v4"}]}],
        "web_acls": [
            {
                "name": "shop", "rules": [{"name": "listed", "rule_group": "listed"}], "resources": ["shop"],
                "logging": "aws-waf-logs-shop",
            },
            {
                "name": "edge", "scope": "CLOUDFRONT", "resources": ["E2EXAMPLE1"],
                "rules": [{"name": "watched", "ip_set": "edge-v4", "action": "count"}],
            },
        ],
        "logs": [
            {"at": "-40m", "address": "198.51.100.66", "uri": "/login", "count": 3},
            {"at": "-35m", "address": "198.51.100.66", "action": "block", "rule": "sql-injection"},
            {"at": "-35m", "address": "198.51.100.66", "action": "count", "rule": "odd-agent", "host": "api.example.com"},
            {"at": "-30m", "address": "198.51.100.67", "action": "block", "rule": "sql-injection"},
        ],
    },
}  # fmt: skip

INSTANCE_TARGET = Target(kind=TargetKind.INSTANCE, id=INSTANCE, account=ACCOUNT, region=REGION)
VISITOR_TARGET = Target(kind=TargetKind.ADDRESS, id=VISITOR, account=ACCOUNT, region=REGION)
ATTACK = FINDING.model_copy(
    update={
        "type": "UnauthorizedAccess:EC2/MaliciousIPCaller.Custom",
        "situation": Situation.INBOUND_ATTACK,
        "targets": [INSTANCE_TARGET, VISITOR_TARGET],
        "remote_addresses": [VISITOR_TARGET],
        "traffic": Traffic(direction="inbound", local_port=443, remote_port=50312, protocol="tcp", web=True),
    }
)

FLOWING = FINDING.model_copy(update={"targets": [*FINDING.targets, INSTANCE_TARGET]})
"""The same, and about an instance, so that its interfaces are looked for."""


_TRAIL = {"database": "logs", "table": "cloudtrail", "day": "timestamp", "account": "account", "region": "region"}
_FLOWS = {"database": "logs", "table": "flow_logs", "day": "day", "account": "aws_account_id", "region": "aws_region"}


STRANGER = "198.51.100.9"
LOGGED: dict[str, Any] = {
    **copy.deepcopy(WORLD),
    "registry": {
        **WORLD["registry"],
        "athena": {
            "workgroup": "stanch",
            "trail": _TRAIL,
            "flow_logs": _FLOWS,
        },
    },
    "athena": {"trail": "org-trail"},
    "cloudtrail": {
        "events": [
            *WORLD["cloudtrail"]["events"],
            {"at": "-45m", "name": "GetObject", "source": "s3", "key": KEY, "user": USER, "address": ATTACKER,
             "resources": [BUCKET], "object": "a.csv", "bytes": 1000, "count": 3},
            {"at": "-30m", "name": "GetObject", "source": "s3", "anonymous": True, "address": STRANGER,
             "resources": [BUCKET], "object": "a.csv", "bytes": 500},
        ]
    },
    "flow_logs": [
        {
            "bucket": "org-flow",
            "vpc": "vpc-0123456789abcdef0",
            "interface": "eni-0123456789abcdef1",
            "interval": 60,
            "format": ["version", "vpc-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "bytes", "start",
                       "end", "action", "pkt-srcaddr"],
            "records": [
                {"at": "-40m", "src": "10.0.0.5", "dst": ATTACKER, "dstport": 8443, "bytes": 10, "count": 12, "every": 900},
                {"at": "-40m", "src": ATTACKER, "dst": "10.0.0.9", "action": "REJECT"},
            ],
        }
    ],
}  # fmt: skip
"""The same world with its logs in S3: who got which object, and whom it spoke with."""

TAKEN = "ASIAWORKERSESSION001"
OF_ROLE: dict[str, Any] = {
    **copy.deepcopy(WORLD),
    "iam": {**WORLD["iam"], "roles": [{"name": "worker", "path": "/team/", "policies": {"own": {"Statement": []}}}]},
    "cloudtrail": {
        "events": [
            *WORLD["cloudtrail"]["events"],
            {"at": "-50m", "name": "AssumeRole", "source": "sts", "user": "carol", "address": OFFICE,
             "request": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/team/worker", "roleSessionName": "stolen"},
             "response": {"credentials": {"accessKeyId": TAKEN}}},
            {"at": "-45m", "name": "StopLogging", "source": "cloudtrail", "key": TAKEN, "role": "worker", "user": "stolen",
             "address": ATTACKER, "region": "us-east-2"},
        ]
    },
}  # fmt: skip
"""The same world, and a session of a role, whose key no finding names."""
_OLDER = {"DateLessThan": {"aws:TokenIssueTime": "2026-03-01T11:25:00Z"}}
OF_CUT_ROLE: dict[str, Any] = copy.deepcopy(OF_ROLE)
OF_CUT_ROLE["iam"]["roles"][0]["policies"]["revoked"] = {
    "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": _OLDER}]
}
"""The same, and its sessions were revoked after what the finding saw: whether one goes on is looked for."""
ROLE_TARGET = Target(kind=TargetKind.ROLE, id="worker", account=ACCOUNT, region=GLOBAL)
SESSION_TARGET = Target(
    kind=TargetKind.ROLE_SESSION, id="AROAWORKEREXAMPLE01:stolen", account=ACCOUNT, region=GLOBAL, owner="worker"
)
KEYLESS = FINDING.model_copy(update={"targets": [SESSION_TARGET, ROLE_TARGET, USER_TARGET]})

ABOUT_THE_KEYLESS = frozenset({"cloudtrail_principals", "role_state"})
"""Sources about users, sessions and roles of which no key is named."""
ABOUT_AN_ATTACK = frozenset({"ec2_state", "finding_traffic", "own_addresses", "waf_logs"})
"""Sources that the credential finding is nothing to."""
ABOUT_THE_ACCOUNT = frozenset({"organizations"})
"""Sources that have something to say wherever a finding names anything."""


def scene(name: str) -> tuple[dict[str, Any], Finding]:
    """The world and the finding that a source has something to say about."""
    if name in ("cloudtrail_athena", "flow_logs_athena"):
        return LOGGED, FLOWING
    if name == "role_state":
        return OF_CUT_ROLE, KEYLESS
    if name in ABOUT_THE_KEYLESS:
        return OF_ROLE, KEYLESS
    return (ATTACKED, ATTACK) if name in ABOUT_AN_ATTACK else (WORLD, FLOWING if name == "vpc_flow_logs" else FINDING)


def changed(path: str, value: Any, of: dict[str, Any] = WORLD) -> dict[str, Any]:
    """The world with one place of it changed: `s3.buckets.0.website`. A list takes its next index as one more."""
    world = copy.deepcopy(of)
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


def gather(name: str, sandbox: Sandbox, world: World, finding: Finding | None = None, **more: Any) -> Answered:
    """Ask one source, about its scene's finding unless another is given."""
    finding = finding or scene(name)[1]
    source = sources()[name]
    question = Question(finding=finding, now=world.now, registry=world.registry)
    return source.gather(aws_for(sandbox, source.CALLS, **more), question)


def ask(name: str, world: dict[str, Any], finding: Finding | None = None, **more: Any) -> Answered:
    """Ask one source about one world."""
    return gather(name, *built(world), finding, **more)


def values(answered: Answered) -> dict[str, Any]:
    """Every fact by name and the id of what it is about: its value, or its standing with the note."""
    return dict(_values(answered))


def _values(answered: Answered) -> Iterator[tuple[str, Any]]:
    for fact in answered.facts:
        known = fact.standing.value == "known"
        yield (
            f"{fact.name} {fact.about.id if fact.about else 'finding'}",
            fact.value if known else f"{fact.standing.value}: {fact.note}",
        )


def told_names(answered: Answered) -> set[tuple[str, str]]:
    """Every fact that was told, with the id of what it is about; nothing for what is about the finding itself."""
    return {(fact.name, fact.about.id if fact.about else "") for fact in answered.facts}


def expected_names(source: Source, finding: Finding) -> set[tuple[str, str]]:
    """Every fact that the source declares, about each of the finding's targets of its kind; nobody was renamed."""
    kinds = {
        "key": "access_key", "user": "user", "bucket": "bucket", "account": "bucket", "address": "address",
        "instance": "instance", "group": "group", "role": "role", "session": "role_session",
        "new_key": "made meanwhile", "new_access": "made meanwhile",
    }  # fmt: skip
    about = [(target.kind.value, target.id) for target in (*finding.targets, *finding.remote_addresses)]
    about.append(("finding", ""))
    names = [name for name in source.SPEC.facts if name not in renamed_users.FACTS]
    wanted = [(name, kinds.get(name.split(".")[0], "finding")) for name in names]
    return {(name, identity) for name, kind in wanted for of, identity in about if of == kind}
