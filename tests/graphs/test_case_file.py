"""The case file: every read as AWS answered it, bound together, and an archive in which a change is seen."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from case_desk import KEY, keeping, worked
from desk import ACCOUNT, REGION, USER, USER_WORLD, Desk, desk, event
from desk import KEY as KEY_ID
from langgraph.checkpoint.memory import InMemorySaver
from typer.testing import CliRunner

from agent.casefile import head
from agent.report import Report
from agent.verdict import Mode
from graphs.checkpoints import serializer
from graphs.entrypoints.cli import app
from graphs.export import MANIFEST, SIGNATURE, checked, exported, key_id
from graphs.reverify import reverify
from graphs.runs import Runs
from tools.archive import Archive, NotKept, S3Archive


def repacked(archive: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            held = tar.extractfile(member)
            assert held is not None
            files[member.name] = held.read()
    change(files)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_every_read_of_every_source_is_kept_and_the_report_names_each_chain_s_end(tmp_path: Path) -> None:
    at, report = worked(tmp_path)
    chains = at.service.archive.chains(report.run_id)
    reads = {source.source: source for source in report.evidence if source.calls}
    assert {name.split(".")[0] for name in chains} == set(reads) > {"intake", "plan", "cloudtrail_lookup"}
    for name, chain in chains.items():
        source = reads[name.split(".")[0]]
        assert (len(chain), head(chain)) == (source.calls, source.chain)
    told = json.dumps([entry.looked.answer for chain in chains.values() for entry in chain])
    assert "ListUsers" in told
    assert "ResponseMetadata" not in told


def test_an_archive_as_it_was_written_holds_and_is_signed(tmp_path: Path) -> None:
    at, report = worked(tmp_path)
    archive = exported(at.service, report.run_id)
    assert archive is not None
    found = checked(archive, [KEY])
    assert (found.run_id, found.faults, found.signed_here) == (report.run_id, [], True)
    assert found.entries == sum(source.calls for source in report.evidence)
    elsewhere = checked(archive, [b"another"])
    assert (elsewhere.signed_here, elsewhere.key_id, elsewhere.faults) == (False, key_id(KEY), [])
    assert exported(at.service, "run-0123456789ab") is None


TRAIL = "evidence/cloudtrail_lookup.1.jsonl"


def _first_line_gone(files: dict[str, bytes]) -> None:
    files[TRAIL] = b"\n".join(files[TRAIL].split(b"\n")[1:])


def _listed_anew(files: dict[str, bytes], path: str) -> None:
    """As somebody who has no key would: the manifest says what is there now."""
    manifest = json.loads(files[MANIFEST])
    for one in manifest["files"]:
        if one["path"] == path:
            one["sha256"] = hashlib.sha256(files[path]).hexdigest()
    files[MANIFEST] = json.dumps(manifest).encode()


def _end_cut_and_listed(files: dict[str, bytes]) -> None:
    files[TRAIL] = b"\n".join(files[TRAIL].strip().split(b"\n")[:-1]) + b"\n"
    _listed_anew(files, TRAIL)


def _answer_changed_and_listed(files: dict[str, bytes]) -> None:
    files[TRAIL] = files[TRAIL].replace(b"ListUsers", b"ListRoles", 1)
    _listed_anew(files, TRAIL)


def _receipts_forged_and_listed(files: dict[str, bytes]) -> None:
    files["receipts.json"] = b"[]\n"
    _listed_anew(files, "receipts.json")


def _forged_under_no_key(files: dict[str, bytes]) -> None:
    _receipts_forged_and_listed(files)
    files[MANIFEST] = files[MANIFEST].replace(key_id(KEY).encode(), b"")


CHANGES: dict[str, tuple[Callable[[dict[str, bytes]], object], str]] = {
    "a file gone": (lambda files: files.pop("receipts.json"), "receipts.json: missing"),
    "a file more": (lambda files: files.update({"more.json": b"{}"}), "more.json: not in the manifest"),
    "a file changed": (lambda files: files.update({"event.json": b"{}"}), "event.json: changed"),
    "a read gone": (_first_line_gone, f"{TRAIL}: changed"),
    "an end cut off, and listed so": (
        _end_cut_and_listed, "cloudtrail_lookup: its chain does not end as the report says"
    ),
    "an answer changed, and listed so": (_answer_changed_and_listed, f"{TRAIL}: entry 2 was changed or moved"),
    "receipts forged, and listed so": (_receipts_forged_and_listed, f"{MANIFEST}: changed since this home signed it"),
    "receipts forged, listed so, under no key": (_forged_under_no_key, f"{MANIFEST}: names no key"),
    "a signature gone": (lambda files: files.pop(SIGNATURE), f"{SIGNATURE}: missing"),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_an_archive_is_seen(tmp_path: Path, what: str) -> None:
    at, report = worked(tmp_path)
    archive = exported(at.service, report.run_id)
    assert archive is not None
    change, fault = CHANGES[what]
    found = checked(repacked(archive, change), [KEY])
    assert fault in found.faults
    assert found.signed_here == ("listed so" not in what and "signature" not in what)


def test_an_export_of_evidence_that_was_changed_or_is_gone_says_so_and_ends_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, report = worked(tmp_path)
    monkeypatch.setattr("graphs.entrypoints.cli_export.of_run", lambda run: nullcontext(at.runs))
    monkeypatch.setattr("graphs.entrypoints.cli_export._keys", lambda: [KEY])
    words = ["export", report.run_id, "--out", str(tmp_path / "a.tar.gz")]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert CliRunner().invoke(app, [*words[:-1], str(tmp_path / "none" / "a.tar.gz")]).exit_code == 2
    (tmp_path / "cases" / report.run_id / "cloudtrail_lookup.1.jsonl").unlink()
    ended = CliRunner().invoke(app, words)
    assert (ended.exit_code, ended.stderr.splitlines()) == (
        1,
        [
            "cloudtrail_lookup: its chain does not end as the report says",
            f"what is kept of {report.run_id} is not what was kept then: 1 fault, packed as it is",
        ],
    )
    assert (tmp_path / "a.tar.gz").exists()


@pytest.mark.parametrize(
    "archive", [b"", b"no archive", gzip.compress(b"x" * 2000, mtime=0)], ids=["nothing", "prose", "a zipped text"]
)
def test_what_is_no_archive_is_refused(archive: bytes) -> None:
    with pytest.raises(ValueError, match=r"tar|manifest"):
        checked(archive, [])


HOSTILE = {
    "a manifest that is a list": {MANIFEST: b"[]"},
    "a manifest nested too deeply": {MANIFEST: b"[" * 9000},
    "a report that is a list": {"report.json": b"[1]"},
    "a report with sources of another kind": {"report.json": b'{"evidence": [7]}'},
}


@pytest.mark.parametrize("what", HOSTILE)
def test_an_archive_that_somebody_made_up_is_refused_and_raises_nothing_else(tmp_path: Path, what: str) -> None:
    at, report = worked(tmp_path)
    archive = exported(at.service, report.run_id)
    assert archive is not None
    with pytest.raises(ValueError, match="validation error"):
        checked(repacked(archive, lambda files: files.update(HOSTILE[what])), [KEY])


def test_a_disk_that_is_full_is_said_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "cases").write_text("in the way", encoding="utf-8")
    _, report = worked(tmp_path)
    assert report.status == "contained"
    assert all("raw evidence not kept" in source.note for source in report.evidence if source.calls)


def test_what_intake_and_planning_read_is_kept_as_it_was_asked_and_when(tmp_path: Path) -> None:
    at, report = worked(tmp_path)
    chains = at.service.archive.chains(report.run_id)
    (asked,) = [entry.looked for entry in chains["intake.1.jsonl"]]
    assert (asked.call, asked.params["FindingIds"]) == ("guardduty:GetFindings", [at.body["detail"]["id"]])
    assert asked.at == at.sandbox.now()
    planned = [entry.looked for entry in chains["plan.1.jsonl"]]
    assert {"iam:GetUser", "iam:ListAccessKeys"} <= {looked.call for looked in planned}
    assert {looked.params.get("UserName") for looked in planned} >= {USER}
    (told,) = [source for source in report.evidence if source.source == "plan"]
    assert (len(planned), chains["plan.1.jsonl"][-1].digest) == (told.calls, told.chain)


def test_what_was_read_to_plan_again_after_an_answer_is_kept_and_an_archive_of_it_holds(tmp_path: Path) -> None:
    at = keeping(tmp_path, USER_WORLD, event("guardduty_credential_abuse"), Mode.APPROVE)
    asked = at.deliver()
    assert "plan-again-1-0.1.jsonl" not in at.service.archive.chains(asked.run_id)
    at.wait(minutes=3)
    at.say("approve", asked)
    report = at.service.ledger.report(asked.run_id)
    assert report is not None
    chain = at.service.archive.chains(asked.run_id)["plan-again-1-0.1.jsonl"]
    assert {entry.looked.at for entry in chain} == {at.sandbox.now()}
    assert "iam:ListAccessKeys" in {entry.looked.call for entry in chain}
    assert [s.chain for s in report.evidence if s.source == "plan-again-1-0"] == [head(chain)]
    archive = exported(at.service, asked.run_id)
    assert archive is not None
    assert checked(archive, [KEY]).faults == []


def test_the_reads_that_show_a_containment_gone_are_kept_and_those_that_find_it_in_place_are_not(
    tmp_path: Path,
) -> None:
    at, report = worked(tmp_path)
    reverify(at.service)
    assert "reverify.1.jsonl" not in at.service.archive.chains(report.run_id)
    at.sandbox.client("iam", ACCOUNT, REGION).update_access_key(UserName=USER, AccessKeyId=KEY_ID, Status="Active")
    (lapsed,) = reverify(at.service).lapsed
    chain = at.service.archive.chains(report.run_id)["reverify.1.jsonl"]
    assert [source.chain for source in lapsed.evidence if source.source == "reverify"] == [head(chain)]
    archive = exported(at.service, report.run_id)
    assert archive is not None
    assert checked(archive, [KEY]).faults == []


LOCKED = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 400}}}


def bucket(at: Desk, lock: bool = True) -> Any:
    """The client that made a bucket as the template has it, or one that locks nothing."""
    client = at.sandbox.client("s3", ACCOUNT, "us-east-1")
    client.create_bucket(Bucket="case-files", ObjectLockEnabledForBucket=lock)
    if lock:
        client.put_object_lock_configuration(Bucket="case-files", ObjectLockConfiguration=LOCKED)
    return client


def worked_into(folder: Path, archive: Callable[[Desk], Archive]) -> tuple[Desk, Report]:
    at = desk(folder, USER_WORLD, event("guardduty_credential_abuse"))
    at.service = replace(at.service, archive=archive(at))
    at.runs = Runs(at.service, InMemorySaver(serde=serializer()))
    return at, at.deliver()


def test_a_run_into_a_locked_bucket_can_be_exported_and_checked_and_its_evidence_stays(tmp_path: Path) -> None:
    at, report = worked_into(tmp_path, lambda at: S3Archive(bucket(at), "case-files"))
    assert all(source.chain for source in report.evidence if source.calls)
    client = at.sandbox.client("s3", ACCOUNT, "us-east-1")
    held = client.list_object_versions(Bucket="case-files")["Versions"]
    assert {one["Key"] for one in held} == {
        f"cases/{report.run_id}/{source.source}.1.jsonl" for source in report.evidence if source.calls
    }
    archive = S3Archive(client, "case-files")
    for one in held:
        until = archive.locked_until(one["Key"], one["VersionId"])
        assert until is not None
        assert (until - at.sandbox.now()).days in (399, 400)
        with pytest.raises(ClientError, match="AccessDenied"):
            client.delete_object(Bucket="case-files", Key=one["Key"], VersionId=one["VersionId"])
    packed = exported(at.service, report.run_id)
    assert packed is not None
    assert checked(packed, [KEY]).faults == []


def test_what_is_put_over_a_case_file_or_hides_it_later_changes_nothing(tmp_path: Path) -> None:
    at, report = worked_into(tmp_path, lambda at: S3Archive(bucket(at), "case-files"))
    client = at.sandbox.client("s3", ACCOUNT, "us-east-1")
    before = at.service.archive.chains(report.run_id)
    at.wait(seconds=5)
    client.put_object(
        Bucket="case-files", Key=f"cases/{report.run_id}/plan.1.jsonl", Body=b"", ChecksumAlgorithm="SHA256"
    )
    client.delete_object(Bucket="case-files", Key=f"cases/{report.run_id}/intake.1.jsonl")
    assert at.service.archive.chains(report.run_id) == before


def test_a_bucket_that_locks_nothing_is_said_and_stops_nothing(tmp_path: Path) -> None:
    _, report = worked_into(tmp_path, lambda at: S3Archive(bucket(at, lock=False), "case-files"))
    assert report.status == "contained"
    assert all(
        "raw evidence not kept: the bucket locks nothing" in source.note for source in report.evidence if source.calls
    )


def test_a_bucket_keeps_each_chain_once_and_a_second_look_beside_it(tmp_path: Path) -> None:
    at, report = worked(tmp_path)
    (chain,) = [c for n, c in at.service.archive.chains(report.run_id).items() if n.startswith("iam_state")]
    looked = [entry.looked for entry in chain]
    archive = S3Archive(bucket(at), "case-files")
    heads = {archive.keep(report.run_id, "iam_state", looked) for _ in range(2)}
    assert heads == {chain[-1].digest}
    assert archive.chains(report.run_id) == {"iam_state.1.jsonl": chain, "iam_state.2.jsonl": chain}
    with pytest.raises(NotKept, match="NoSuchBucket"):
        S3Archive(at.sandbox.client("s3", ACCOUNT, "us-east-1"), "no-such-bucket").keep(
            report.run_id, "iam_state", looked
        )
