"""The JSON Schema of a report, generated into `docs/`: `python -m evals.schema`."""

import json
from pathlib import Path

from agent.report import Report

FILE = Path(__file__).parent.parent / "docs" / "report.schema.json"


def schema() -> str:
    """The schema's text, as it must stand in the repository."""
    made = Report.model_json_schema(mode="serialization")
    named = {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
    return json.dumps(named, indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Write the file."""
    FILE.write_text(schema(), encoding="utf-8")


if __name__ == "__main__":
    main()
