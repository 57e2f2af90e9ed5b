"""The same finding in the same world: with the registry's tables over its logs it is contained, without them it asks."""

import json
from pathlib import Path

import pytest
import yaml
from desk import desk, world

from agent.report import Status

CASES = Path(__file__).parents[2] / "evals" / "cases"
NAMES = (
    "bucket-read-by-strangers-blocked",
    "instance-beats-seen-in-s3-contained",
    "key-reads-objects-through-tor-contained",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("with_tables", "status"), [(True, Status.CONTAINED), (False, Status.AWAITING_APPROVAL)])
def test_tables_over_logs_in_s3_settle_what_a_person_would_be_asked(
    tmp_path: Path, name: str, with_tables: bool, status: Status
) -> None:
    text = (CASES / name / "world.yaml").read_text(encoding="utf-8")
    body = json.loads((CASES / name / "event.json").read_text(encoding="utf-8"))
    assert yaml.safe_load(text)["registry"]["athena"]
    changes = [] if with_tables else [("registry.athena", None)]
    assert desk(tmp_path, world(text, *changes), body).deliver().status is status


def test_the_case_shows_how_often_the_address_was_called_and_on_which_port(tmp_path: Path) -> None:
    folder = CASES / "instance-beats-seen-in-s3-contained"
    body = json.loads((folder / "event.json").read_text(encoding="utf-8"))
    report = desk(tmp_path, (folder / "world.yaml").read_text(encoding="utf-8"), body).deliver()
    (seen,) = [source for source in report.evidence if source.source == "flow_logs_athena"]
    told = {name.partition("@")[0]: value for name, value in seen.facts.items()}
    assert (told["address.beats"], told["address.ports"], told["address.others_spoke"]) == (True, "4443", 0)
    assert seen.bytes_read > 0
