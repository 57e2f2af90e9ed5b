"""Writes every generated file, or checks that each is current: `python -m evals.generate [--check]`."""

import json
import re
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from agent.report import Status
from agent.wire import canonical_schema
from evals.case_table import case_table
from evals.configuration_table import configuration
from evals.port import Options
from evals.schema import schema
from evals.stack import call_rules, function_table, member_roles, template_roles
from evals.studio_examples import studio_examples
from evals.worker import ExamWorker
from graphs.permissions import declared
from graphs.response import build
from tools.action import catalogue
from tools.aws import Phase
from tools.iam import statements
from tools.registry import Registry
from tools.sandbox.engine import Sandbox
from tools.source import sources

ROOT = Path(__file__).parent.parent
_IN_PROSE, _IN_YAML = ("<!-- {mark}: {name} -->", ""), ("# {mark}: {name}", "  ")
"""How a generated block is marked, and what stands before its closing mark."""


def graph() -> str:
    """The graph as LangGraph itself draws it."""
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox.fresh(0, datetime.now(UTC))
        service = ExamWorker().service(sandbox, Registry(), Options(), Path(folder))
        drawn = build(service).compile().get_graph().draw_mermaid(with_styles=False)
    return f"```mermaid\n{drawn.strip()}\n```"


def action_table() -> str:
    """One row an action."""
    rows = ["| action | target | what it does | way back | disruption |", "|---|---|---|---|---|"]
    for spec in catalogue().actions:
        way = spec.reversal.replace("_", " ")
        rows.append(
            f"| `{spec.id}` | {spec.target} | {spec.summary} | {way} | {int(spec.disruption)}: {spec.disrupts} |"
        )
    return "\n".join(rows)


def source_table() -> str:
    """One row an evidence source."""
    rows = ["| source | tells | facts |", "|---|---|---|"]
    for name, source in sources().items():
        facts = ", ".join(f"`{fact}`" for fact in source.SPEC.facts)
        rows.append(f"| `{name}` | {source.SPEC.tells} | {facts} |")
    return "\n".join(rows)


def statuses() -> str:
    """The statuses in their order."""
    return ", ".join(f"`{status}`" for status in Status)


def permissions() -> str:
    """The IAM statements of every phase, from the calls that the units declare."""
    parts = [
        "# Permissions",
        "",
        "Made from the calls that actions and sources declare, as `stanch iam` prints them: `stanch iam --phase execute`,",
        "`stanch iam --action iam_deny_user`. `{account}` and the like are for a template to fill.",
        "",
    ]
    for phase in Phase:
        made = statements(declared(), [phase])
        if made:
            parts += [f"## {phase}", "", "```json", json.dumps(made, indent=1), "```", ""]
    return "\n".join(parts)


def wire_schema() -> str:
    """What a model must answer in; the same for every finding."""
    return json.dumps(json.loads(canonical_schema(catalogue())), indent=2) + "\n"


BLOCKS: dict[str, Callable[[], str]] = {
    "graph": graph, "actions": action_table, "sources": source_table, "cases": case_table, "statuses": statuses,
    "functions": function_table, "calls": call_rules, "roles": template_roles, "member-roles": member_roles,
}  # fmt: skip
FILES: dict[str, Callable[[], str]] = {
    "docs/report.schema.json": schema,
    "docs/wire.schema.json": wire_schema,
    "docs/permissions.md": permissions,
    "docs/configuration.md": configuration,
    "graphs/studio_examples.json": studio_examples,
}


def filled(text: str, style: tuple[str, str] = _IN_PROSE) -> str:
    """A document with every generated block made anew."""
    mark, indent = style
    for name, make in BLOCKS.items():
        opening, closing = mark.format(mark="generated", name=name), mark.format(mark="end", name=name)
        pattern = re.compile(re.escape(opening) + r"\n.*?" + re.escape(closing), re.S)
        if pattern.search(text):
            made = f"{opening}\n{make()}\n{indent}{closing}"
            text = pattern.sub(made.replace("\\", r"\\"), text)
    return text


def wanted() -> dict[Path, str]:
    """Every generated file and its text."""
    whole = {ROOT / name: make() for name, make in FILES.items()}
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "evals" / "cases" / "README.md"]
    blocks = {page: filled(page.read_text(encoding="utf-8")) for page in pages if page.exists() and page not in whole}
    templates = sorted((ROOT / "deploy").glob("*.yaml"))
    return {**whole, **blocks, **{one: filled(one.read_text(encoding="utf-8"), _IN_YAML) for one in templates}}


def main() -> int:
    """Write, or with `--check` name what is stale and fail."""
    stale = [path for path, text in wanted().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"stale: {path.relative_to(ROOT)}; run `make generate`", file=sys.stderr)  # noqa: T201 - what CI shows
        return 1 if stale else 0
    for path, text in wanted().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
