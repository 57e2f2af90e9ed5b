"""Add an address to the IP sets that our web ACLs block by."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from random import Random

from agent.addresses import Network, covers, network
from agent.catalogue import ActionSpec, Disruption, Reversal
from agent.plan import Change, Effect, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject, Moment, Record
from agent.target import Target, TargetKind
from agent.web_acl import Effect as Meaning
from tools.aws import Aws, AwsCall, Conflict, Gone, Phase
from tools.transition import Part, Read, field_by_field, in_parts, read_back
from tools.web_acls import (
    LIMIT,
    SET_CALLS,
    USE_CALLS,
    HeldSet,
    SetRef,
    Use,
    blocking,
    held,
    in_part,
    our_sets,
    pace_write,
    uses,
)  # fmt: skip

SPEC = ActionSpec(
    id="wafv2_block_address",
    target=TargetKind.ADDRESS,
    order=200,
    reversal=Reversal.EXACT,
    disruption=Disruption.ONE_RESOURCE,
    summary="Block the address in AWS WAF, for a time, in the IP sets tagged stanch:purpose=block.",
    disrupts="Everybody who comes from this address, to every web endpoint whose web ACL blocks by our IP sets.",
    leaves_open=[
        "The attacker may come back from another address.",
        "What no web ACL stands before: SSH, network load balancers, instances with a public address.",
        "For seconds up to minutes, until AWS WAF has spread the change.",
    ],
    opens_again="requests from {target} are served again.",
    time_boxed=True,
)

_ENDS = "It stays until `stanch sweep`, or the clock on Lambda, takes it back after"

TRIES = 8
"""How often an update is computed anew because somebody else changed the set meanwhile."""
UPDATE = AwsCall(
    "wafv2", "UpdateIPSet", "wafv2:UpdateIPSet", "arn:{partition}:wafv2:*:{account}:*/ipset/*",
    frozenset({Phase.EXECUTE, Phase.UNDO}), writes=True,
)  # fmt: skip
CALLS = SET_CALLS | USE_CALLS | {UPDATE}
_LOST = "blocks nothing: no Block rule of an associated web ACL uses the set"
_PARTLY = "blocks some requests only: there is more to the Block rule than the set"


class Params(Record):
    """What a change carries beside the state. Only the end is chosen, by whoever plans the run."""

    expires_at: Moment | None = None
    """When the sweep takes it back."""
    sets: list[SetRef] = []
    """The sets that the state is about. Empty in what is asked of `plan`: all that are ours."""


def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable:
    """Before and after: ARN of a set -> whether exactly this network is an entry of it; null if it is not ours any more.

    A set in which a wider entry covers the address already stays as it is.
    """
    no = partial(Inapplicable, action=SPEC.id, target=target)
    if target.kind is not TargetKind.ADDRESS:
        return no(reason="wrong_kind")
    address, asked = network(target.id), Params.model_validate(params)
    if address.prefixlen == 0:
        return no(reason="not_supported", detail="AWS WAF takes no network of every address")
    sets = _chosen(our_sets(aws, address.version), asked)
    if not sets:
        return no(
            reason="not_supported",
            detail=f"no IP set for IPv{address.version} has the tag stanch:purpose=block (docs/limits.md: what to set up)",
        )
    used = uses(aws, [each.ref for each in sets])
    problem = _problem(sets, used, address)
    if problem:
        return no(reason="not_supported", detail=problem)
    return Change(
        action=SPEC.id,
        target=target,
        params=Params(expires_at=asked.expires_at, sets=[each.ref for each in sets]).model_dump(mode="json"),
        before={each.ref.arn: each.has(address) for each in sets},
        after={each.ref.arn: each.has(address) or not each.blocks(address) for each in sets},
        blast_radius=_blast_radius(sets, used, address, asked.expires_at),
        leaves_open=[*SPEC.leaves_open, *_weak_spots(sets, used)],
    )


def execute(aws: Aws, change: Change) -> Executed | Drifted:
    """Add the network to each set that does not have it, keeping all that others put there."""
    return _move(aws, change, expected=change.before, wanted=change.after)


def verify(aws: Aws, change: Change) -> Verification:
    """By configuration: every set has it, and a Block rule of a web ACL that stands before something uses the set."""
    refs = Params.model_validate(change.params).sets
    found = uses(aws, refs)
    entered = read_back(aws, _read(aws, change, refs, blocked=True), dict.fromkeys(change.after, True), _said(found))
    weak = [_weakness(found, ref) for ref in refs if not blocking(found, ref)]
    if entered.holds and weak:
        return Verification(how="unverified", detail="; ".join(weak), at=aws.now())
    return entered


def undo(aws: Aws, change: Change) -> Executed | Drifted:
    """Take exactly this network out of each set that did not have it before; whatever else is in there stays.

    A set that is deleted has nothing left of it. One that is not marked as ours any more is left alone, and keeps the undo
    from being whole: what we put there may still block.
    """
    written = [each for each in Params.model_validate(change.params).sets if _writes(change, each)]
    there = {ref.arn: _mark(aws, ref) for ref in written}
    ours = [arn for arn, mark in there.items() if mark]
    foreign = [ref.name for ref in written if there[ref.arn] is False]
    told = f"not marked as ours any more, and left alone: {', '.join(foreign)}"
    if foreign and not ours:
        return Drifted(what=told, found=dict.fromkeys(change.before))
    done = _move(aws, change, expected=_only(change.after, ours), wanted=_only(change.before, ours))
    if not foreign or isinstance(done, Drifted):
        return done
    return done.model_copy(update={"outcome": "partial", "detail": "; ".join(filter(None, [done.detail, told]))})


def _writes(change: Change, ref: SetRef) -> bool:
    return change.before[ref.arn] != change.after[ref.arn]


def _mark(aws: Aws, ref: SetRef) -> bool | None:
    """Whether the set is marked as ours. None: it is not there any more."""
    try:
        return held(aws, ref) is not None
    except Gone:
        return None


def _only(state: JsonObject, names: list[str]) -> JsonObject:
    return {name: state[name] for name in names}


def _move(aws: Aws, change: Change, *, expected: JsonObject, wanted: JsonObject) -> Executed | Drifted:
    refs = {ref.arn: ref for ref in Params.model_validate(change.params).sets if ref.arn in wanted}
    address = network(change.target.id)

    def todo(found: JsonObject) -> list[Part] | Drifted:
        def write(arn: str) -> None:
            _write(aws, refs[arn], address, present=wanted[arn] is True)

        return field_by_field(found, expected=expected, wanted=wanted, write=write)

    return in_parts(aws, _read(aws, change, [*refs.values()]), todo, expected=expected)


def _write(aws: Aws, ref: SetRef, address: Network, *, present: bool) -> None:
    """Replace the whole list by itself with one network more or less, seen under the lock token that goes with it.

    A set that somebody changed meanwhile is read again and the list computed anew. Raises Conflict after the last try.
    """
    waiting = Random(f"{ref.arn} {address}")  # noqa: S311 - only keeps two writers from meeting again
    for attempt in range(TRIES):
        found = held(aws, ref)
        if found is None:
            raise Gone(UPDATE.name, "NotOursAnyMore")
        if found.has(address) == present:
            return
        try:
            _update(aws, found, address, present=present)
            return
        except Conflict:
            aws.sleep(waiting.uniform(0.5, 1.5) * 2 ** min(attempt, 3))
    raise Conflict(UPDATE.name, "WAFOptimisticLockException")


def _update(aws: Aws, found: HeldSet, address: Network, *, present: bool) -> None:
    others = [text for text in found.addresses if network(text) != address]
    # left out, the description would be deleted
    described = {} if found.description is None else {"Description": found.description}
    pace_write(aws, found.ref)
    aws.at(found.ref.region).need(
        UPDATE,
        Name=found.ref.name,
        Scope=found.ref.scope,
        Id=found.ref.id,
        Addresses=[*others, str(address)] if present else others,
        LockToken=found.token,
        **described,
    )


def _read(aws: Aws, change: Change, refs: list[SetRef], *, blocked: bool = False) -> Read:
    """The state of these sets; with `blocked` whether the set covers the address, by whichever entry."""
    address = network(change.target.id)
    look: Callable[[HeldSet], bool] = (
        (lambda found: found.blocks(address)) if blocked else lambda found: found.has(address)
    )

    def read() -> JsonObject:
        sets = {ref.arn: held(aws, ref) for ref in refs}
        return {arn: None if found is None else look(found) for arn, found in sets.items()}

    return read


def _chosen(sets: list[HeldSet], asked: Params) -> list[HeldSet]:
    """All sets, or those that a change which is planned again was about."""
    wanted = {ref.arn for ref in asked.sets}
    return [each for each in sets if not wanted or each.ref.arn in wanted]


def _problem(sets: list[HeldSet], used: list[Use], address: Network) -> str:
    """Why adding to these sets would not do, or would do harm."""
    spared = [each for each in used if each.use.effect is Meaning.SPARES]
    if spared:
        return (
            f"the rule {spared[0].use.rule} of {spared[0].web_acl} lets through what is in a set that is marked as ours"
        )
    full = [each.ref.name for each in sets if len(each.addresses) >= LIMIT and not each.blocks(address)]
    return f"the IP set {full[0]} is full ({LIMIT} entries)" if full else ""


def _blast_radius(sets: list[HeldSet], used: list[Use], address: Network, until: datetime | None) -> list[Effect]:
    adding = [each for each in sets if not each.blocks(address)]
    resources = {use.web_acl: use.resources for each in adding for use in blocking(used, each.ref)}
    inside = sum(covers(address, network(text)) for each in adding for text in each.addresses)
    effects = [
        Effect(what="Addresses are refused.", count=address.num_addresses),
        Effect(what="Load balancers, APIs and distributions refuse them.", count=sum(resources.values())),
    ]
    if inside:
        effects.append(Effect(what="Entries of these sets are narrower and blocked already.", count=inside))
    if until is not None:
        effects.append(Effect(what=f"{_ENDS} {until:%Y-%m-%d %H:%M} UTC."))
    return effects


def _weak_spots(sets: list[HeldSet], used: list[Use]) -> list[str]:
    """What makes a rule block less than it seems to."""
    found = [each for ref in sets for each in blocking(used, ref.ref)]
    headers = sorted({each.use.header for each in found if each.use.header})
    said = [f"A rule takes the address from the header {header[:64]}, which the sender writes." for header in headers]
    if any(each.use.behind_allow for each in found):
        said.append("What an Allow rule before the Block rule lets through.")
    partly = sorted({f"{use.use.rule} of {use.web_acl}" for each in sets for use in in_part(used, each.ref)})
    return said + [
        f"Requests that the rule {rule} does not ask for: it blocks the set in part only." for rule in partly
    ]


def _weakness(used: list[Use], ref: SetRef) -> str:
    """Why being in the set does not mean being blocked."""
    rules = [f"{each.use.rule} of {each.web_acl}" for each in in_part(used, ref)]
    return f"{_PARTLY} {ref.name} ({ref.scope}): {', '.join(rules)}" if rules else f"{_LOST} {ref.name} ({ref.scope})"


def _said(used: list[Use]) -> str:
    rules = sorted({f"{each.use.rule} of {each.web_acl}" for each in used if each.use.effect is Meaning.BLOCKS})
    return f"GetIPSet reads the address in every set, twice; blocked by {', '.join(rules)}"
