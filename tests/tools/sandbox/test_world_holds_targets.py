"""Whatever a run takes for a target of a finding stands in the world that is made from the finding, in its partition."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from agent.target import Target, TargetKind
from evals.port import Options
from evals.worker import ExamWorker
from graphs.sandbox_home import held
from tools import targets
from tools.aws import Aws, Phase
from tools.sandbox.engine import Sandbox
from tools.sandbox.from_finding import world_for
from tools.sandbox.seed import seed
from tools.sandbox.seeding.parsed import parsed
from tools.sandbox.seeding.present import KINDS
from tools.sandbox.world import Content, OtherAccount, World, WorldError

EVENTS = sorted((Path(__file__).parents[2] / "data" / "events").glob("*.json"))
STANDS = {TargetKind.ACCESS_KEY, TargetKind.USER, TargetKind.ROLE, TargetKind.BUCKET, TargetKind.INSTANCE, *KINDS}
PARTITIONS = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}


def example(name: str) -> Any:
    return json.loads((EVENTS[0].parent / f"{name}.json").read_text(encoding="utf-8"))


def elsewhere(name: str, partition: str) -> Any:
    """The same event as another partition's services write it."""
    text = (
        json.dumps(example(name)).replace("arn:aws:", f"arn:{partition}:").replace("eu-west-1", PARTITIONS[partition])
    )
    return json.loads(text.replace('"partition": "aws"', f'"partition": "{partition}"'))


def standing(event: Any) -> dict[Target, str]:
    """What a run would find of each target that a world can hold, before it does anything."""
    world = world_for(event)
    sandbox = Sandbox.fresh(7, world.now)
    seed(sandbox, world, event)
    found: dict[Target, str] = {}
    for finding in parsed(event):
        assert finding.account in world.registry.accounts, finding.key
        aws = Aws(
            sandbox.clients(), finding.account, world.region, world.partition, Phase.READ, targets.CALLS,
            now=sandbox.now,
        )  # fmt: skip
        held = [one for one in finding.targets if one.kind in STANDS and not one.temporary]
        found |= {target: targets.verify(aws, target) for target in held}
    return found


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_every_target_of_an_example_stands_in_its_world(path: Path) -> None:
    found = standing(json.loads(path.read_text(encoding="utf-8")))
    assert {target.key: "verified" for target in found} == {target.key: said for target, said in found.items()}


def test_the_examples_have_targets_of_every_kind_that_a_world_holds() -> None:
    kinds = {one.kind for path in EVENTS for item in parsed(json.loads(path.read_text())) for one in item.targets}
    assert kinds >= STANDS - KINDS


@pytest.mark.parametrize("name", ["inspector_package", "access_analyzer_bucket"])
def test_a_finding_as_its_api_answers_it_has_its_world_in_its_own_account_and_region(name: str) -> None:
    """An Inspector finding says its Region in its ARN alone, one of Access Analyzer its account by the resource's owner."""
    body = example(name)["detail"]
    if "accountId" in body:
        body["resourceOwnerAccount"] = body.pop("accountId")
    else:
        body["resources"] = [{"type": "AWS_EC2_INSTANCE", "id": "i-0abc1234def567890"}]
    found = standing(body)
    assert {(target.account, target.region, said) for target, said in found.items()} == {
        ("111122223333", "eu-west-1", "verified")
    }


def test_what_a_world_only_says_to_be_there_is_there() -> None:
    ids = {
        "database": "orders", "function": "resize", "group": "sg-0123456789abcdef0", "image": "ami-0123456789abcdef0",
        "kms_key": "01234567-89ab-cdef-0123-456789abcdef", "snapshot": "snap-0123456789abcdef0", "trail": "everything",
    }  # fmt: skip
    present = [{"kind": kind, "id": name} for kind, name in ids.items()]
    world = World.model_validate({"now": "2026-03-01T12:00:00Z", "region": "eu-west-1", "present": present})
    sandbox = Sandbox.fresh(7, world.now)
    seed(sandbox, world)
    seed(sandbox, world)
    aws = Aws(sandbox.clients(), world.account, world.region, "aws", Phase.READ, targets.CALLS)
    found = {
        kind: targets.verify(aws, Target(kind=TargetKind(kind), id=name, account=world.account, region=world.region))
        for kind, name in ids.items()
    }
    assert found == dict.fromkeys(KINDS, "verified")


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("name", ["guardduty_credential_abuse", "guardduty_c2", "securityhub_s3_public"])
def test_a_finding_of_another_partition_has_its_world_there(name: str, partition: str) -> None:
    found = standing(elsewhere(name, partition))
    assert found
    assert {(target.partition, said) for target, said in found.items()} == {(partition, "verified")}


@pytest.mark.parametrize("partition", PARTITIONS)
def test_a_key_of_another_partition_is_worked_like_any_other(partition: str) -> None:
    [report] = ExamWorker().work(elsewhere("guardduty_credential_abuse", partition), None, Options()).reports
    planned = {action.planned.change.action: action.planned.change.target.partition for action in report.actions}
    assert planned == {"iam_deactivate_key": partition, "iam_deny_user": partition}


def test_a_sandbox_stands_in_one_partition_and_says_so(tmp_path: Path) -> None:
    with held(tmp_path, elsewhere("guardduty_credential_abuse", "aws-cn")):
        pass
    with (
        pytest.raises(WorldError, match="the partition aws-cn, the finding in aws:"),
        held(tmp_path, example("guardduty_c2")),
    ):
        pass


def test_a_key_that_is_named_alone_has_a_user_too() -> None:
    [user] = world_for(example("health_exposed_key")).iam.users
    assert [key.id for key in user.keys] == ["AKIAIOSFODNN7EXAMPL1"]


def test_a_key_whose_call_is_the_finding_was_used_then() -> None:
    [user] = world_for(example("cloudtrail_key_made")).iam.users
    assert [key.last_used and key.last_used.at for key in user.keys] == ["2026-11-20T11:30:58+00:00"]


CORPUS = Path(os.environ.get("STANCH_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus")


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the recorded corpus is not here: set STANCH_CORPUS")
@pytest.mark.parametrize("name", ["guardduty", "securityhub_asff", "securityhub_ocsf", "macie", "inspector", "other"])
def test_every_target_of_a_recorded_finding_is_in_its_world(name: str) -> None:
    for line in map(json.loads, (CORPUS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()):
        world = world_for(line["finding"])
        inside = {
            content.account if isinstance(content, OtherAccount) else world.account: names(content)
            for _, content in world.contents()
        }
        for finding in parsed(line["finding"]):
            assert finding.account in world.registry.accounts, line["id"]
            held = {target.id for target in finding.targets if target.kind in STANDS and not target.temporary}
            assert held <= inside[finding.account], line["id"]


def names(content: Content) -> set[str]:
    users = {user.name for user in content.iam.users} | {key.id for user in content.iam.users for key in user.keys}
    things = {role.name for role in content.iam.roles} | {instance.id for instance in content.ec2.instances}
    return users | things | {bucket.name for bucket in content.s3.buckets} | {one.id for one in content.present}
