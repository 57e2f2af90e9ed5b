"""Give every network interface of an instance a security group without rules, so that nothing new gets in or out."""

from dataclasses import replace

from agent.catalogue import ActionSpec, Disruption, LeftOpen, Reversal
from agent.plan import Change, Effect, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject, Record
from agent.target import Target, TargetKind
from tools import quarantine
from tools.aws import Aws, AwsCall, Phase
from tools.instances import describing, subject
from tools.interfaces import GROUPS, INTERFACES, Interface, listing, of_instance
from tools.quarantine import IN_QUARANTINE, MAKING, Look, ensure
from tools.transition import Part, Read, field_by_field, in_parts, read_back

SPEC = ActionSpec(
    id="ec2_quarantine_interfaces",
    target=TargetKind.INSTANCE,
    order=140,
    reversal=Reversal.EXACT,
    disruption=Disruption.ONE_RESOURCE,
    summary="Give every network interface of the instance a security group without any rule.",
    disrupts="Whoever works with the instance or is served by it, its administrators included.",
    leaves_open=[
        LeftOpen(
            text="Connections that are open now: a change of groups does not cut what is tracked, and they go on until they are idle.",
            closed_by=frozenset({"ec2_cut_connections"}),
        ),
        "DNS queries to the VPC's own resolver, by which data can be carried out.",
        LeftOpen(
            text="The instance metadata service, which goes on handing out credentials of the instance's role.",
            closed_by=frozenset({"iam_deny_instance_sessions"}),
        ),
    ],
    opens_again="the instance {target} can reach and be reached by whatever its own groups let through.",
    follows=["autoscaling_enter_standby", "elbv2_deregister_targets"],
)

_TOLD = 3
_ALL = (Phase.PLAN, Phase.EXECUTE, Phase.VERIFY, Phase.UNDO)
DESCRIBE = describing(Phase.PLAN)
LIST = listing(*_ALL)
LOOK = quarantine.describing(*_ALL)
MODIFY = AwsCall(
    "ec2", "ModifyNetworkInterfaceAttribute", "ec2:ModifyNetworkInterfaceAttribute", INTERFACES,
    frozenset({Phase.EXECUTE, Phase.UNDO}), writes=True,
)  # fmt: skip
CALLS = frozenset({DESCRIBE, LIST, LOOK, MODIFY, replace(MODIFY, resource=GROUPS)}) | MAKING


class Params(Record):
    """What a change carries beside the state: made by `plan`, not chosen by anybody."""

    vpcs: dict[str, str]
    """By interface: its VPC, whose quarantine group it gets. An instance may have interfaces in several."""
    groups: dict[str, list[str]]
    """By interface: its groups in AWS's order, for undo to give back as they were."""


def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable:
    """Before and after, by interface: its groups' ids, or "quarantine" where it has a quarantine group only."""
    instance = subject(aws, DESCRIBE, target, SPEC.id)
    if isinstance(instance, Inapplicable):
        return instance
    listed = of_instance(aws, LIST, target)
    own = [one for one in listed if not one.service]
    if not own:
        detail = "every interface of the instance belongs to a service" if listed else "the instance has no interface"
        return Inapplicable(action=SPEC.id, target=target, reason="not_supported", detail=detail)
    chosen = Params(vpcs={one.id: one.vpc for one in own}, groups={one.id: one.groups for one in own})
    left = [f"{one.id} belongs to {one.service}, and is left as it is." for one in listed if one.service]
    copies = quarantine.copies(aws, _look(target), chosen.vpcs.values())
    left += (
        [f"{_few(copies)}: our tag is on it, but the ledger has no note that we made it; it is not used."]
        if copies
        else []
    )
    before = quarantine.states(aws, _look(target), own)
    return Change(
        action=SPEC.id,
        target=target,
        params=chosen.model_dump(mode="json"),
        before=before,
        after=dict.fromkeys(before, IN_QUARANTINE),
        blast_radius=_blast_radius([one for one in own if before[one.id] != IN_QUARANTINE]),
        leaves_open=[*left, *SPEC.leaves_open],
    )


def execute(aws: Aws, change: Change) -> Executed | Drifted:
    """Quarantine each interface by itself, then list them again: one that was attached meanwhile is the classic hole."""
    vpcs, look, read = Params.model_validate(change.params).vpcs, _look(change.target), _read(aws, change.target)

    def write(interface: str) -> None:
        group = ensure(aws, look, vpcs[interface])
        aws.need(MODIFY, NetworkInterfaceId=interface, Groups=[group])

    def todo(found: JsonObject) -> list[Part] | Drifted:
        """An interface that was detached meanwhile hinders nothing: whoever detaches one must not stop the others' quarantine."""
        there = [one for one in change.after if one in found]
        if not there:
            return Drifted(what="the instance has none of these interfaces any more", found=found)
        expected, wanted = ({one: state[one] for one in there} for state in (change.before, change.after))
        return field_by_field(found, expected=expected, wanted=wanted, write=write)

    done = in_parts(aws, read, todo, expected=change.before)
    if isinstance(done, Drifted):
        return done
    again = read().keys()
    came, went = sorted(again - change.after.keys()), sorted(change.after.keys() - again)
    if not came and not went:
        return done
    told = [f"{one} was attached meanwhile, and is not quarantined" for one in came]
    told += [f"{one} was detached meanwhile" for one in went]
    return Executed(
        outcome="partial", calls=done.calls, detail="; ".join([done.detail, *told] if done.detail else told)
    )


def verify(aws: Aws, change: Change) -> Verification:
    """By configuration: every interface that the instance has now reads a quarantine group only, and that has no rules."""
    detail = "every interface reads one group, ours and without rules, twice; open connections are not cut by that"
    return read_back(aws, _read(aws, change.target), change.after, detail)


def undo(aws: Aws, change: Change) -> Executed | Drifted:
    """Give each interface its groups back, if all of them still exist. The quarantine group stays, for the next time."""
    groups = Params.model_validate(change.params).groups

    def write(interface: str) -> None:
        aws.need(MODIFY, NetworkInterfaceId=interface, Groups=groups[interface])

    def todo(found: JsonObject) -> list[Part] | Drifted:
        parts = field_by_field(found, expected=change.after, wanted=change.before, write=write)
        if isinstance(parts, Drifted):
            return parts
        wanted = {group for part in parts for group in groups[part.name]}
        gone = sorted(wanted - quarantine.existing(aws, _look(change.target), wanted))
        return Drifted(what=f"deleted meanwhile: {', '.join(gone)}", found=found) if gone else parts

    return in_parts(aws, _read(aws, change.target), todo, expected=change.after)


def _look(target: Target) -> Look:
    return Look(groups=LOOK, interfaces=LIST, account=target.account)


def _few(ids: list[str]) -> str:
    """The first ones: whoever makes groups could make any number."""
    return ", ".join(ids[:_TOLD]) + (f" and {len(ids) - _TOLD} more" if len(ids) > _TOLD else "")


def _read(aws: Aws, target: Target) -> Read:
    def read() -> JsonObject:
        own = [one for one in of_instance(aws, LIST, target) if not one.service]
        return quarantine.states(aws, _look(target), own)

    return read


def _blast_radius(interfaces: list[Interface]) -> list[Effect]:
    effects = [
        Effect(what="Interfaces take and make no new connections.", count=len(interfaces)),
        Effect(what="Public addresses stop answering.", count=sum(one.public for one in interfaces)),
    ]
    if any(one.forwards for one in interfaces):
        effects.append(Effect(what="The instance forwards traffic of others (no source check), which stops."))
    return effects
