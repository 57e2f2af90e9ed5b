"""Policy files as they are read: each policy with its file, its annotations and its syntax tree."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Self

import cedarpy
from cedarpy import pst

from agent.catalogue import ActionSpec, Catalogue

_FACT_OF = {"kind": "target_kind", "approver_count": "approvers"}
"""What policy text calls a fact, where Facts has another name."""
ACTIONS_MARK = "// <actions of the catalogue>"


class PolicyError(Exception):
    """A policy set that cannot be used: nothing is permitted until its author has corrected it."""

    def __init__(self, detail: str, file: str = "", policy: str = "") -> None:
        self.detail = detail
        self.file = file
        self.policy = policy
        place = file + (f" [{policy}]" if policy else "")
        super().__init__(f"{place}: {detail}" if place else detail)


@dataclass(frozen=True)
class Policy:
    """One policy."""

    file: str
    template: pst.Template
    """Its tree, under its own `@id` instead of Cedar's positional one."""

    @classmethod
    def of(cls, file: str, template: pst.Template) -> Self:
        """Take one parsed policy; its `@id` becomes its id, so that Cedar's answers name it."""
        own = template.annotations.get("id", "")
        if not own:
            raise PolicyError("a policy has no @id", file, template.id)
        return cls(file, dataclasses.replace(template, id=own))

    @property
    def id(self) -> str:
        """Its `@id`."""
        return self.template.id

    @property
    def why(self) -> str:
        """Its `@why`: one line for people; empty if it has none."""
        return self.template.annotations.get("why", "")

    @property
    def outcome(self) -> str:
        """Its `@outcome`: what it leads to, as its author says."""
        return self.template.annotations.get("outcome", "")

    @property
    def shadow(self) -> bool:
        """Whether it is only watched: `@mode("shadow")`."""
        return self.template.annotations.get("mode") == "shadow"

    @cached_property
    def nodes(self) -> list[object]:
        """Every node of its tree."""
        return list(walk(self.template))

    @cached_property
    def facts(self) -> list[str]:
        """Names of the facts that it reads, sorted."""
        reads = [node for node in self.nodes if isinstance(node, pst.GetAttr) and isinstance(node.base, pst.Var)]
        return sorted({_FACT_OF.get(node.attr, node.attr) for node in reads})

    def would_permit(self, spec: ActionSpec, direction: str) -> bool:
        """Whether this is a permit that covers that action, going that way, if its conditions hold."""
        group = "undo" if direction == "undo" else _group(spec)
        names = {"write", group, cedar_action(spec.id, direction)}
        scope = self.template.action
        named = [scope.entity] if isinstance(scope, pst.ActionEq) else []
        named += scope.entities if isinstance(scope, pst.ActionIn) else []
        return self.template.effect == "permit" and bool(names & {entity.id for entity in named})


def walk(node: object) -> Iterator[object]:
    """Every node of a syntax tree, parents before children."""
    if isinstance(node, tuple):
        for item in node:
            yield from walk(item)
    elif dataclasses.is_dataclass(node) and not isinstance(node, type):
        yield node
        for field in dataclasses.fields(node):
            yield from walk(getattr(node, field.name))


def bundled() -> Traversable:
    """The directory of the policies that come with Stanch; it may lie inside a zip."""
    return files("agent.policy")


def texts(directory: Traversable | Path) -> dict[str, str]:
    """The text of each policy file by its name. Raises PolicyError if there is none, or one cannot be read."""
    found = {}
    try:
        for entry in sorted(directory.iterdir(), key=lambda entry: entry.name):
            if entry.name.endswith(".cedar"):
                # Not read_text: it would turn a lone carriage return into a new line before anybody could see it.
                found[entry.name] = entry.read_bytes().decode("utf-8")
    except OSError as error:
        raise PolicyError(str(error.strerror), str(error.filename or directory)) from error
    except UnicodeDecodeError as error:
        raise PolicyError(f"not UTF-8 at byte {error.start}", str(directory)) from error
    if not found:
        raise PolicyError("holds no .cedar file", str(directory))
    return found


def parse(file: str, text: str, schema: cedarpy.Schema) -> list[Policy]:
    """The policies of one file, checked against the schema. Raises PolicyError, which names file and policy."""
    try:
        tree = cedarpy.policies_to_pst(text)
    except ValueError as error:
        raise PolicyError(f"not Cedar: {error}", file) from error
    if tree.templates or tree.template_links:
        raise PolicyError("templates are not supported", file)
    result = cedarpy.validate_policies(text, schema)
    # Cedar reports in no fixed order: the first by its words is said.
    for problem in sorted(result.errors, key=lambda problem: problem.error):
        policy = result.id_annotations_by_policy_id.get(problem.policy_id, problem.policy_id)
        raise PolicyError(problem.error.removeprefix(f"for policy `{problem.policy_id}`, "), file, policy)
    if not result:
        raise PolicyError("does not fit the schema", file)
    return [Policy.of(file, template) for template in tree.static_policies.values()]


def cedar_action(action: str, direction: str) -> str:
    """The id under which Cedar knows an action: its own, or `undo:` and its own for the way back."""
    return f"undo:{action}" if direction == "undo" else action


def schema_text(catalogue: Catalogue) -> str:
    """The Cedar schema with the catalogue's actions in it, each in its group, and its way back."""
    text = (bundled() / "stanch.cedarschema").read_text(encoding="utf-8")
    return text.replace(ACTIONS_MARK, "\n  ".join(line for spec in catalogue.actions for line in _declarations(spec)))


def _declarations(spec: ActionSpec) -> list[str]:
    applies = "appliesTo { principal: Service, resource: Target, context: Facts }"
    return [
        f'action "{cedar_action(spec.id, "do")}" in ["{_group(spec)}"] {applies};',
        f'action "{cedar_action(spec.id, "undo")}" in ["undo"] {applies};',
    ]


def _group(spec: ActionSpec) -> str:
    return "contain" if spec.offered else "close" if spec.closes else "tell"
