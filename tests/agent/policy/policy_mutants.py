"""Policies with one thing wrong: each a way in which a careless edit could weaken or break the set."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from cedarpy import pst

from agent.policy.source import Policy

_FLIPPED: dict[str, pst.BinaryOpName] = {"eq": "not_eq", "not_eq": "eq", "greater_eq": "greater"}
_SIGNS = {"eq": "==", "not_eq": "!=", "greater_eq": ">=", "and": "&&", "or": "||"}


def mutants(policies: list[Policy]) -> Iterator[tuple[str, list[Policy]]]:
    """Each mutant set under a name that says what was done: `tell: dropped`, `auto-contain: without context.severity >= 70`."""
    for policy in policies:
        others = [other for other in policies if other is not policy]
        yield f"{policy.id}: dropped", others
        for what, template in _templates(policy.template):
            yield f"{policy.id}: {what}", [*others, Policy(policy.file, template)]


def _templates(tree: pst.Template) -> Iterator[tuple[str, pst.Template]]:
    group = tree.action.entities[0] if isinstance(tree.action, pst.ActionIn) else None
    if group is not None and group.id != "write":
        wider = pst.ActionIn((dataclasses.replace(group, id="write"),))
        yield "for every action", dataclasses.replace(tree, action=wider)
    for index, clause in enumerate(tree.clauses):
        rest = (tree.clauses[:index], tree.clauses[index + 1 :])
        kind = type(clause).__name__.lower()
        yield f"without its {kind}", dataclasses.replace(tree, clauses=(*rest[0], *rest[1]))
        for what, expr in _expressions(clause.expr):
            changed = dataclasses.replace(clause, expr=expr)
            yield what, dataclasses.replace(tree, clauses=(*rest[0], changed, *rest[1]))


def _expressions(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, pst.BinaryOp) and node.op in ("and", "or"):
        yield f"without {words(node.left)}", node.right
        yield f"without {words(node.right)}", node.left
    if isinstance(node, pst.BinaryOp) and node.op in _FLIPPED:
        changed = dataclasses.replace(node, op=_FLIPPED[node.op])
        yield f"with {words(changed)}", changed
    if isinstance(node, pst.UnaryOp) and node.op == "not":
        yield f"with {words(node.arg)}", node.arg
    if isinstance(node, pst.Set) and len(node.elements) > 1:
        for index, element in enumerate(node.elements):
            fewer = (*node.elements[:index], *node.elements[index + 1 :])
            yield f"without {words(element)} in its list", pst.Set(fewer)
    if isinstance(node, pst.BinaryOp):
        for what, left in _expressions(node.left):
            yield what, dataclasses.replace(node, left=left)
        for what, right in _expressions(node.right):
            yield what, dataclasses.replace(node, right=right)


def words(node: Any) -> str:
    """An expression, near enough to Cedar to be recognised."""
    match node:
        case pst.Var():
            return node.name
        case pst.GetAttr():
            return f"{words(node.base)}.{node.attr}"
        case pst.EntityLit():
            return f'"{node.value.id}"'
        case pst.StringLit():
            return f'"{node.value}"'
        case pst.LongLit():
            return str(node.value)
        case pst.UnaryOp():
            return f"!{words(node.arg)}"
        case pst.Set():
            return f"[{', '.join(map(words, node.elements))}]"
        case pst.BinaryOp() if node.op in _SIGNS:
            return f"{words(node.left)} {_SIGNS[node.op]} {words(node.right)}"
        case pst.BinaryOp():
            return f"{words(node.left)}.{node.op}({words(node.right)})"
    raise TypeError(node)
