"""Cut the open connections of an instance in quarantine: for seconds through a group that lets all pass, and back."""

from dataclasses import dataclass, replace

from agent.catalogue import ActionSpec, Disruption, Reversal
from agent.plan import Change, Effect, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject, Record
from agent.target import Target, TargetKind
from tools import quarantine, untracked
from tools.aws import Aws, AwsCall, AwsError, Gone, Phase
from tools.instances import INSTANCES, describing, find, subject, tag
from tools.interfaces import GROUPS, INTERFACES, Interface, listing, of_instance
from tools.quarantine import IN_QUARANTINE, MAKING, Look
from tools.transition import MAY_HAVE_WORKED, read_back, step

SPEC = ActionSpec(
    id="ec2_cut_connections",
    target=TargetKind.INSTANCE,
    order=170,
    reversal=Reversal.FORWARD_ONLY,
    disruption=Disruption.SHARED,
    summary="Cut the open connections of the quarantined instance, which for seconds lets everything in and out.",
    disrupts="Everybody who is connected to the instance; for seconds, whoever can reach it may reach every port.",
    leaves_open=[
        "Connections through NAT gateways, load balancers, endpoints, transit gateways and firewalls: they are always tracked.",
        "For some seconds every port of the instance is open to whoever can reach it.",
    ],
    follows=["ec2_quarantine_interfaces"],
)

KEY = "stanch:cut"
OPEN_SECONDS = 5.0
"""How long everything is let through: connections stop being tracked at once, and ten seconds are too many."""
_CLOSING_WAITS = (1.0, 2.0, 4.0)

_READING = (Phase.PLAN, Phase.EXECUTE, Phase.VERIFY)
DESCRIBE = describing(*_READING)
LIST = listing(*_READING)
LOOK = quarantine.describing(Phase.EXECUTE, Phase.VERIFY)
MODIFY = AwsCall(
    "ec2", "ModifyNetworkInterfaceAttribute", "ec2:ModifyNetworkInterfaceAttribute", INTERFACES,
    frozenset({Phase.EXECUTE}), writes=True,
)  # fmt: skip
MARK = AwsCall("ec2", "CreateTags", "ec2:CreateTags", INSTANCES, frozenset({Phase.EXECUTE}), writes=True)
CALLS = frozenset({DESCRIBE, LIST, LOOK, MODIFY, replace(MODIFY, resource=GROUPS), MARK}) | MAKING | untracked.OPENING


class Params(Record):
    """What a change carries beside the state: made by `plan`, not chosen by anybody."""

    run_id: str


def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable:
    """Before and after: `{"cut": null | the run that cut}`. That the interfaces are in quarantine is asked by `execute`."""
    instance = subject(aws, DESCRIBE, target, SPEC.id)
    if isinstance(instance, Inapplicable):
        return instance
    own = [one for one in of_instance(aws, LIST, target) if not one.service]
    if not own:
        detail = "the instance has no interface of its own"
        return Inapplicable(action=SPEC.id, target=target, reason="not_supported", detail=detail)
    return Change(
        action=SPEC.id,
        target=target,
        params=Params(run_id=run_id).model_dump(mode="json"),
        before={"cut": tag(instance, KEY)},
        after={"cut": run_id},
        blast_radius=[
            Effect(what="Interfaces lose their open connections.", count=len(own)),
            Effect(what="Public addresses are open on every port for seconds.", count=sum(one.public for one in own)),
        ],
        leaves_open=SPEC.leaves_open,
    )


def execute(aws: Aws, change: Change) -> Executed | Drifted:
    """Open, wait, close, and tag. However it is cut off, executed again it goes forward: what is open is closed first, and
    never gets the groups that it had before the quarantine."""
    start = len(aws.tally.writes)
    try:
        scene = _scene(aws, change.target)
    except Gone as gone:
        return Drifted(what=f"it does not exist ({gone.call}: {gone.code})", found={})
    if not scene.open and scene.cut == change.after["cut"]:
        return _drifted(scene) or Executed(outcome="already")
    if not scene.open and (scene.loose or scene.cut != change.before["cut"]):
        return _drifted(scene) or Drifted(what=f"cut by another run: {scene.cut}", found={"cut": scene.cut})
    stuck = _close(aws, change.target, scene.open) or _pass_through(aws, change, scene.closed)
    if stuck:
        detail = f"STILL OPEN TO EVERYBODY, close it first: {', '.join(stuck)}"
        return Executed(outcome="partial", calls=aws.tally.writes[start:], detail=detail)
    vpcs = sorted({one.vpc for one in [*scene.open, *scene.closed]})
    left = [line for vpc in vpcs for line in untracked.remove(aws, _look(change.target), vpc)]
    marked = _mark(aws, change, scene.cut)
    if isinstance(marked, Drifted):
        return marked
    return Executed(outcome="done", calls=aws.tally.writes[start:], detail="; ".join(left))


def verify(aws: Aws, change: Change) -> Verification:
    """By configuration: the tag says that it was cut, and every interface is in quarantine again."""

    def read() -> JsonObject:
        scene = _scene(aws, change.target)
        return {"cut": scene.cut, "in_quarantine": not scene.open and not scene.loose}

    detail = (
        "the interfaces went through the open group and read quarantine again, twice; what is always tracked goes on"
    )
    return read_back(aws, read, {**change.after, "in_quarantine": True}, detail)


def undo(aws: Aws, change: Change) -> Executed | Drifted:
    """Nothing: a connection that was cut is not brought back."""
    return Executed(outcome="already", detail="connections that were cut stay cut")


@dataclass(frozen=True)
class _Scene:
    """The instance's tag, and its own interfaces by the groups that they have."""

    cut: str | None
    closed: list[Interface]
    open: list[Interface]
    loose: list[Interface]
    """Neither in quarantine nor open by us: connections there are not ours to cut."""


def _scene(aws: Aws, target: Target) -> _Scene:
    cut, look = tag(find(aws, DESCRIBE, target.id), KEY), _look(target)
    own = [one for one in of_instance(aws, LIST, target) if not one.service]
    states = quarantine.states(aws, look, own)
    ours = {group for vpc in {one.vpc for one in own} for group in untracked.find(aws, look, vpc)}
    open_ = [one for one in own if len(one.groups) == 1 and one.groups[0] in ours]
    closed = [one for one in own if states[one.id] == IN_QUARANTINE]
    return _Scene(cut, closed, open_, [one for one in own if one not in open_ and one not in closed])


def _drifted(scene: _Scene) -> Drifted | None:
    loose = [one.id for one in scene.loose]
    return Drifted(what=f"not in quarantine: {', '.join(loose)}", found={"cut": scene.cut}) if loose else None


def _pass_through(aws: Aws, change: Change, interfaces: list[Interface]) -> list[str]:
    """Open all, wait, close all. The ids of those that stay open; an error is raised only once everything is closed."""
    opened: list[Interface] = []
    failure: AwsError | None = None
    stuck: list[str] = []
    try:
        _open(aws, change, interfaces, opened)
        aws.sleep(OPEN_SECONDS)
    except AwsError as error:
        failure = error
    finally:
        stuck = _close(aws, change.target, opened)
    if failure and not stuck:
        raise failure
    return stuck


def _open(aws: Aws, change: Change, interfaces: list[Interface], opened: list[Interface]) -> None:
    """Open interfaces, with the groups made beforehand. `opened` gets each that may be open, before its call."""
    look, run_id = _look(change.target), Params.model_validate(change.params).run_id
    groups = {vpc: untracked.make(aws, look, vpc, run_id) for vpc in sorted({one.vpc for one in interfaces})}
    lost: AwsError | None = None
    for one in interfaces:
        opened.append(one)
        try:
            aws.need(MODIFY, NetworkInterfaceId=one.id, Groups=[groups[one.vpc]])
        except MAY_HAVE_WORKED as error:
            lost = error
    if lost and len(_scene(aws, change.target).open) < len(interfaces):
        raise lost


def _close(aws: Aws, target: Target, interfaces: list[Interface]) -> list[str]:
    """Put interfaces into quarantine, whatever it takes. The ids of those that may be open still."""
    left, look = list(interfaces), _look(target)
    for wait in (*_CLOSING_WAITS, 0.0):
        left = [one for one in left if not _closed(aws, look, one)]
        if not left:
            return []
        aws.sleep(wait)
    try:
        now = {one.id for one in _scene(aws, target).closed}
    except AwsError:
        now = set()
    return sorted({one.id for one in left} - now)


def _closed(aws: Aws, look: Look, interface: Interface) -> bool:
    try:
        aws.need(MODIFY, NetworkInterfaceId=interface.id, Groups=[quarantine.ensure(aws, look, interface.vpc)])
    except AwsError:
        return False
    return True


def _mark(aws: Aws, change: Change, was: str | None) -> Executed | Drifted:
    """Tag the instance as cut: only now, when all is closed."""

    def read() -> JsonObject:
        return {"cut": tag(find(aws, DESCRIBE, change.target.id), KEY)}

    def write() -> None:
        aws.need(MARK, Resources=[change.target.id], Tags=[{"Key": KEY, "Value": change.after["cut"]}])

    return step(aws, read, write, expected={"cut": was}, wanted=change.after)


def _look(target: Target) -> Look:
    return Look(groups=LOOK, interfaces=LIST, account=target.account)
