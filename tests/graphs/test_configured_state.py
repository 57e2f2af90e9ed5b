"""Where state is kept is configuration: the same service over the same AWS, with its state in files or in tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import ACCOUNT, REGION, USER_WORLD, Desk, desk, event
from pydantic import ValidationError

from agent.event import Event
from agent.report import Status
from agent.verdict import Mode
from graphs.bootstrap import LEDGER, configuration, kept, real, working
from graphs.entrypoints.cli import app
from graphs.entrypoints.opening import ledger_of, ledgers
from tools.ledger import SqliteLedger
from tools.ledger.dynamo import DynamoLedger
from tools.ledger.tables import CHECKPOINTS, create
from tools.ledger.tables import LEDGER as LEDGER_TABLE
from tools.sandbox.serving import serving

GUARDDUTY = "guardduty_credential_abuse"
NAMES = {"STANCH_TABLE": "ours-ledger", "STANCH_CHECKPOINT_TABLE": "ours-checkpoints"}


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A world that the standard AWS variables point at, as at any other endpoint."""
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY))
    with serving(at.sandbox, ACCOUNT, REGION) as endpoint:
        said = {
            "AWS_ENDPOINT_URL": endpoint.url,
            "AWS_ACCESS_KEY_ID": endpoint.credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": endpoint.credentials.secret,
            "AWS_SESSION_TOKEN": endpoint.credentials.token or "",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
            "STANCH_HOME": str(tmp_path / "home"),
        }
        registry = tmp_path / "registry.yaml"
        registry.write_text(at.world.registry.model_dump_json(), encoding="utf-8")
        for name, value in {**said, "STANCH_REGISTRY": str(registry)}.items():
            monkeypatch.setenv(name, value)
        yield at


def proposed(at: Desk) -> str:
    """The run of the event in observe mode, by a service that the environment alone describes."""
    config = configuration()
    service = real(config, Mode.OBSERVE)
    with working(service, config) as runs:
        (report,) = runs.deliver(Event(body=at.body, received_at=at.sandbox.now(), via="cli"))
        assert report.status is Status.PROPOSED, report.reason
        (again,) = runs.deliver(Event(body=at.body, received_at=at.sandbox.now(), via="cli"))
        assert again.reason == f"duplicate: {report.run_id} is {report.status} (finding)"
    return report.run_id


def test_state_is_in_tables_where_the_environment_says_so(served: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    client = served.sandbox.client("dynamodb", ACCOUNT, REGION)
    for name, table in zip(NAMES.values(), (LEDGER_TABLE, CHECKPOINTS), strict=True):
        create(client, table, name)
    for name, value in {"STANCH_STATE": "dynamodb", **NAMES}.items():
        monkeypatch.setenv(name, value)
    run = proposed(served)
    config = configuration()
    assert isinstance(kept(config), DynamoLedger)
    assert isinstance(ledger_of(run), DynamoLedger)
    assert not (config.home / LEDGER).exists()
    assert client.scan(TableName=NAMES["STANCH_CHECKPOINT_TABLE"])["Count"] > 0


def test_state_is_in_files_where_it_says_nothing(served: Desk) -> None:
    run = proposed(served)
    config = configuration()
    assert isinstance(kept(config), SqliteLedger)
    assert (config.home / LEDGER).exists()
    assert {sandbox: ledger.run(run) is not None for sandbox, ledger in ledgers().items()} == {False: True}
    assert served.sandbox.client("dynamodb", ACCOUNT, REGION).list_tables()["TableNames"] == []


@pytest.mark.parametrize("left_out", NAMES)
def test_tables_without_names_are_no_configuration(left_out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"STANCH_STATE": "dynamodb", **NAMES, left_out: ""}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match="STANCH_STATE=dynamodb needs the names"):
        configuration()


def test_case_files_go_to_the_bucket_that_the_environment_names(served: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    client = served.sandbox.client("s3", ACCOUNT, REGION)
    client.create_bucket(
        Bucket="ours-cases", ObjectLockEnabledForBucket=True, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 30}}
    client.put_object_lock_configuration(
        Bucket="ours-cases", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    monkeypatch.setenv("STANCH_ARCHIVE", "s3://ours-cases/here/")
    run_id = proposed(served)
    keys = [one["Key"] for one in client.list_objects_v2(Bucket="ours-cases")["Contents"]]
    assert f"here/{run_id}/cloudtrail_lookup.1.jsonl" in keys
    assert not (configuration().home / "cases").exists()
    cli("export", run_id, "--check")


def cli(*arguments: str) -> None:
    """What `stanch` does in this process; it ends well."""
    with pytest.raises(SystemExit) as ended:
        app(list(arguments), prog_name="stanch")
    assert ended.value.code == 0


@pytest.mark.parametrize("place", ["ours-cases", "s3://", "s3://ours-cases/../x/", "https://ours-cases/"])
def test_what_is_no_place_for_case_files_is_refused_at_the_start(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANCH_ARCHIVE", place)
    with pytest.raises(ValidationError):
        configuration()
