"""Tag the instance with the run that contained it, so that whoever finds it knows."""

from agent.catalogue import ActionSpec, Disruption, Reversal
from agent.plan import Change, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject
from agent.target import Target, TargetKind
from tools.aws import Aws, AwsCall, Phase
from tools.instances import INSTANCES, describing, find, subject, tag
from tools.transition import Read, read_back, step

SPEC = ActionSpec(
    id="ec2_tag_instance",
    target=TargetKind.INSTANCE,
    order=160,
    reversal=Reversal.EXACT,
    disruption=Disruption.NONE,
    summary="Tag the instance as contained, with the id of the run.",
    disrupts="Nobody, unless a policy of yours reads this tag.",
    leaves_open=["The tag is a notice, and stops nothing."],
    opens_again="the instance {target} is not marked as contained any more.",
    per_run=True,
)

KEY = "stanch:contained"
_TAGS_OF_ONE_INSTANCE = 50
"""AWS's quota; tags that AWS itself puts do not count."""

_ALL = (Phase.PLAN, Phase.EXECUTE, Phase.VERIFY, Phase.UNDO)
DESCRIBE = describing(*_ALL)
CREATE = AwsCall(
    "ec2", "CreateTags", "ec2:CreateTags", INSTANCES, frozenset({Phase.EXECUTE, Phase.UNDO}), writes=True
)  # fmt: skip
DELETE = AwsCall("ec2", "DeleteTags", "ec2:DeleteTags", INSTANCES, frozenset({Phase.UNDO}), writes=True)
CALLS = frozenset({DESCRIBE, CREATE, DELETE})


def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable:
    """Before and after: `{"tag": null | value}`. A value that is there is kept in `before`: CreateTags overwrites silently."""
    instance = subject(aws, DESCRIBE, target, SPEC.id)
    if isinstance(instance, Inapplicable):
        return instance
    before = tag(instance, KEY)
    own = [one for one in instance.get("Tags", []) if not one["Key"].startswith("aws:")]
    if before is None and len(own) >= _TAGS_OF_ONE_INSTANCE:
        detail = f"the instance has {len(own)} tags, and cannot have more"
        return Inapplicable(action=SPEC.id, target=target, reason="not_supported", detail=detail)
    return Change(
        action=SPEC.id,
        target=target,
        before={"tag": before},
        after={"tag": run_id},
        leaves_open=SPEC.leaves_open,
    )


def execute(aws: Aws, change: Change) -> Executed | Drifted:
    """Put the tag, if its value is still the one before."""
    return _set(aws, change, expected=change.before, wanted=change.after)


def verify(aws: Aws, change: Change) -> Verification:
    """By configuration: the tag reads as put."""
    return read_back(aws, _read(aws, change.target), change.after, f"DescribeInstances reads the tag {KEY}, twice")


def undo(aws: Aws, change: Change) -> Executed | Drifted:
    """Put the value before, or delete the tag if there was none."""
    return _set(aws, change, expected=change.after, wanted=change.before)


def _set(aws: Aws, change: Change, *, expected: JsonObject, wanted: JsonObject) -> Executed | Drifted:
    def write() -> None:
        resources = [change.target.id]
        if wanted["tag"] is None:
            aws.need(DELETE, Resources=resources, Tags=[{"Key": KEY, "Value": expected["tag"]}])
        else:
            aws.need(CREATE, Resources=resources, Tags=[{"Key": KEY, "Value": wanted["tag"]}])

    return step(aws, _read(aws, change.target), write, expected=expected, wanted=wanted)


def _read(aws: Aws, target: Target) -> Read:
    return lambda: {"tag": tag(find(aws, DESCRIBE, target.id), KEY)}
