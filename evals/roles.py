"""IAM policies made from what actions, sources and functions declare, cut to the sizes that IAM takes."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.record import JsonObject
from graphs.model import CONVERSE
from tools import registry_table, reread, targets
from tools.action import actions
from tools.aws import AwsCall, Phase
from tools.evidence import organizations
from tools.guardrails import ALWAYS, NEVER, WHEN_CONTAINING, Narrowed, Never, elsewhere
from tools.iam import statements
from tools.own_parts import Function
from tools.source import sources

MANAGED_LIMIT, INLINE_LIMIT = 6144, 10240
"""Characters without white space: of one managed policy, and of all inline policies of a role."""
_PLACES = {"partition": "${AWS::Partition}", "account": "${AWS::AccountId}", "region": "*"}
"""Findings come from any Region that is served; what is not served is denied by NeverElsewhere."""
HERE = {**_PLACES, "region": "${AWS::Region}"}
_LONGEST = {"${AWS::Partition}": "aws-us-gov", "${AWS::AccountId}": "1" * 12, "${AWS::Region}": "ap-northeast-1"}
_OTHERS, _REGIONS = "x" * 64, ["ap-northeast-1"] * 17
"""What stands for other parameters when a size is measured: as long as a name may be, and every Region that is on by default."""

Statements = list[JsonObject]


@dataclass(frozen=True)
class Policy:
    """One managed policy: its name in the template, what it is for, and what it says."""

    name: str
    tells: str
    statements: Statements


def declared() -> frozenset[AwsCall]:
    """Every call that any unit declares."""
    by_action = frozenset[AwsCall]().union(*(action.CALLS for action in actions().values()))
    by_source = frozenset[AwsCall]().union(*(source.CALLS for source in sources().values()))
    return by_action | by_source | targets.CALLS | reread.CALLS


LOOK = (Phase.READ, Phase.PLAN, Phase.VERIFY)
FOR_PHASES: dict[Phase, str] = {Phase.EXECUTE: "Contain", Phase.UNDO: "Rollback"}


def policies() -> list[Policy]:
    """What may be done in an account that is served: one group of policies for looking, one for each way to write."""
    look = allowed(LOOK, ALWAYS)
    contain = allowed([Phase.EXECUTE, Phase.TELL], (*ALWAYS, *WHEN_CONTAINING), beside=look)
    rollback = allowed([Phase.UNDO, Phase.TELL], ALWAYS, beside=look)
    never = [_deny(one) for one in (*NEVER, elsewhere(declared()))]
    return [
        *_cut("LookPolicy", "Read what findings are about.", look),
        *_cut("ContainPolicy", "Contain, and tell Security Hub.", contain),
        *_cut("RollbackPolicy", "Take back, and tell Security Hub.", rollback),
        *_cut("NeverPolicy", "What no role of Stanch may ever do.", never),
    ]


def needed(function: Function) -> list[str]:
    """The groups of policies that a function's phases need, in an account that is served."""
    writing = [name for phase, name in FOR_PHASES.items() if phase in function.phases]
    looking = ["Look"] if function.phases & set(LOOK) else []
    return [f"{name}Policy" for name in looking + writing]


def allowed(phases: Iterable[Phase], narrowing: Sequence[Narrowed], beside: Statements | None = None) -> Statements:
    """Allow statements of these phases, each write under its conditions, without what stands in `beside` already."""
    granted = {(place, action) for one in beside or [] for place in _listed(one, "Resource") for action in _listed(one)}
    plain: dict[str, list[str]] = {}
    narrowed: dict[tuple[str, str], list[str]] = {}
    for statement in statements(declared(), phases, _PLACES):
        resource = str(statement["Resource"])
        for action in _listed(statement):
            if (resource, action) in granted:
                continue
            rules = [rule for rule in narrowing if rule.concerns(action, resource)]
            for condition in [condition for rule in rules for condition in rule.conditions]:
                narrowed.setdefault((resource, json.dumps(condition)), []).append(action)
            if not rules:
                plain.setdefault(resource, []).append(action)
    free = [allow(listed, resource) for resource, listed in plain.items()]
    bound = [allow(listed, resource, condition=json.loads(text)) for (resource, text), listed in narrowed.items()]
    return free + bound


def own(function: Function) -> Statements:
    """What a function may do with the service's own parts."""
    return [allow(grant.permissions, filled(grant.part, HERE), condition=grant.condition) for grant in function.grants]


def registry() -> Statements:
    """Reading the one table that the registry lies in, of our own account or of another."""
    return [allow([registry_table.PERMISSION], "${RegistryTable}")]


def model() -> Statements:
    """Asking the one configured model, by its profile or directly; a profile may answer from any of its Regions."""
    places = [
        "arn:${AWS::Partition}:bedrock:${AWS::Region}:${AWS::AccountId}:inference-profile/${ModelId}",
        "arn:${AWS::Partition}:bedrock:*::foundation-model/${FoundationModel}",
    ]
    return [allow([CONVERSE.permission], *places)]


def organization() -> Statements:
    """Reading the organisation, where the tooling account may: by its own role, whether its account is served or not."""
    return [allow(_listed(one), str(one["Resource"])) for one in statements(organizations.CALLS, [Phase.READ], _PLACES)]


def allow(permissions: Iterable[str], *resources: str, condition: JsonObject | None = None) -> JsonObject:
    """One allow statement."""
    made: JsonObject = {"Effect": "Allow", "Action": [*permissions], "Resource": [*resources]}
    return made | ({"Condition": condition} if condition else {})


def filled(text: str, places: dict[str, str]) -> str:
    """The text with the places of the declared calls filled."""
    return re.sub(r"(?<!\$)\{(\w+)\}", lambda found: places.get(found[1], found[0]), text)


def size(made: Statements) -> int:
    """The characters that IAM counts, with every parameter as long as it may be."""
    text = json.dumps({"Version": "2012-10-17", "Statement": made}, separators=(",", ":"))
    text = text.replace(json.dumps({"Ref": "ServedRegions"}, separators=(",", ":")), json.dumps(_REGIONS))
    for name, longest in _LONGEST.items():
        text = text.replace(name, longest)
    return len(re.sub(r"\s", "", re.sub(r"\$\{[^}]+\}", _OTHERS, text)))


def _deny(never: Never) -> JsonObject:
    made: JsonObject = {"Sid": never.sid, "Effect": "Deny"}
    made["NotAction" if never.all_but else "Action"] = [*never.actions]
    made["Resource"] = [filled(resource, HERE) for resource in never.resources]
    return made | ({"Condition": never.condition} if never.condition else {})


def _listed(statement: JsonObject, what: str = "Action") -> list[str]:
    listed = statement[what]
    return [str(one) for one in listed] if isinstance(listed, list) else [str(listed)]


def _cut(name: str, tells: str, made: Statements) -> list[Policy]:
    """As few policies as the limit allows, in the statements' order. Raises ValueError for a statement that fits in none."""
    parts: list[Statements] = [[]]
    for statement in made:
        if size([statement]) > MANAGED_LIMIT:
            raise ValueError(f"{name}: one statement alone is longer than a managed policy may be")
        if size([*parts[-1], statement]) > MANAGED_LIMIT:
            parts.append([])
        parts[-1].append(statement)
    names = [name, *(f"{name}{number}" for number in range(2, len(parts) + 1))]
    return [Policy(name=each, tells=tells, statements=part) for each, part in zip(names, parts, strict=True)]
