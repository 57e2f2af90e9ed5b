"""The report's JSON Schema is in the repository, is current, and holds for every report."""

import json

import jsonschema
import pytest
from report_builders import every_status

from agent.report import Status
from evals.run import canonical
from evals.schema import FILE, schema


def test_the_schema_in_the_repository_is_the_one_that_the_records_make() -> None:
    assert FILE.read_text(encoding="utf-8") == schema(), "run `python -m evals.schema`"


@pytest.mark.parametrize("status", list(Status))
def test_a_report_of_every_status_validates(status: Status) -> None:
    document = json.loads(canonical(every_status()[status]))
    jsonschema.validate(document, json.loads(schema()), jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "spoil", [{"status": "fine"}, {"run_id": 7}, {"surplus": 1}, {"calls": {"read": {"x": "many"}}}]
)
def test_a_document_that_is_no_report_does_not_validate(spoil: dict[str, object]) -> None:
    document = json.loads(canonical(every_status()[Status.CONTAINED])) | spoil
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json.loads(schema()), jsonschema.Draft202012Validator)
