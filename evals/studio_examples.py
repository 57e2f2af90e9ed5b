"""The example events of Studio's form: one for each situation, chosen out of the bundled events."""

import json
from pathlib import Path

from agent.finding import Situation

ROOT = Path(__file__).parent.parent
_CHOSEN = {
    Situation.CREDENTIAL_ABUSE: "guardduty_credential_abuse",
    Situation.PUBLIC_BUCKET: "macie_policy",
    Situation.INSTANCE_COMPROMISE: "guardduty_c2",
    Situation.SENSITIVE_DATA: "macie_sensitive_data",
    Situation.INBOUND_ATTACK: "guardduty_web_attack",
    Situation.ROLE_SESSION_ABUSE: "guardduty_role_session",
    Situation.ROOT_USE: "guardduty_root",
    Situation.BUCKET_DATA_ACCESS: "guardduty_s3_exfiltration",
    Situation.KUBERNETES: "guardduty_kubernetes",
    Situation.DATABASE: "guardduty_database",
    Situation.AUDIT_TAMPERING: "guardduty_trail_stopped",
    Situation.VULNERABILITY: "inspector_package",
    Situation.OPERATIONS: "health_retirement",
}
"""Those that lead to a question come first: a form shows its first examples."""


def studio_examples() -> str:
    """One line for each situation: its name and the event."""
    places = {situation: ROOT / "tests" / "data" / "events" / f"{name}.json" for situation, name in _CHOSEN.items()}
    places[Situation.POSTURE] = ROOT / "evals" / "cases" / "posture-control-escalates" / "event.json"
    lines = [f'"{situation}": {_line(path)}' for situation, path in places.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _line(path: Path) -> str:
    return json.dumps(json.loads(path.read_text(encoding="utf-8")), ensure_ascii=False)
