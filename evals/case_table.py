"""The table of the bundled cases, made from their expectations."""

from pathlib import Path

import yaml

CASES = Path(__file__).parent / "cases"


def case_table() -> str:
    """One row a case: how it is run, what it ends as, what may happen, and why that is right."""
    rows = ["| case | mode | ends as | actions | why |", "|---|---|---|---|---|"]
    for path in sorted(CASES.glob("*/expect.yaml")):
        expect = yaml.safe_load(path.read_text(encoding="utf-8"))
        actions = ", ".join(f"`{action['action']}`" for action in expect.get("actions") or []) or "none"
        mode = expect.get("mode", "observe") + (f", {expect['approver']}" if expect.get("approver") else "")
        why = " ".join(str(expect.get("notes", "")).split())
        rows.append(f"| `{path.parent.name}` | {mode} | {expect.get('status', '')} | {actions} | {why} |")
    return "\n".join(rows)
