"""One archive of everything that is kept of a run, and the check that nobody changed it."""

import hashlib
import hmac
import io
import json
import tarfile
import zlib
from typing import Any

from pydantic import BaseModel, ValidationError

from agent.casefile import broken, head
from agent.record import JsonObject, Record, iso
from graphs.service import Service
from tools.archive import entries, lines

MANIFEST, SIGNATURE = "manifest.json", "manifest.hmac"
LIMIT = 500_000_000
"""Bytes of an archive that the check unpacks."""


class Checked(Record):
    """What the check of an archive came to."""

    run_id: str
    files: int
    entries: int
    signed_here: bool
    """Whether the manifest carries this installation's signature. Anybody can check the rest."""
    key_id: str
    """The key that the archive says it is signed with."""
    faults: list[str]


class _Listed(Record):
    """One file as the manifest has it."""

    path: str
    sha256: str
    bytes: int


class _Manifest(Record):
    """What an archive says that it holds."""

    run_id: str
    made_at: str
    key_id: str = ""
    """Which key signed it; it tells nothing about the key."""
    files: list[_Listed]


class _Chained(BaseModel):
    """Of a source in the report of any release: its name, and where its chain ends."""

    source: str
    chain: str = ""


class _Told(BaseModel):
    """Of a report of any release: its sources."""

    evidence: list[_Chained] = []


def exported(service: Service, run_id: str) -> bytes | None:
    """A gzipped tar: event, report, receipts, answers and every chain of raw evidence, under a manifest. None: no such run."""
    row = service.ledger.run(run_id)
    if row is None:
        return None
    report, request = service.ledger.report(run_id), service.ledger.request(run_id)
    answers = service.ledger.answers(run_id, request.digest) if request else []
    held: dict[str, Any] = {
        "run.json": row.model_dump(mode="json"),
        "event.json": service.ledger.body(run_id),
        "report.json": report.model_dump(mode="json") if report else None,
        "request.json": request.model_dump(mode="json") if request else None,
        "answers.json": [answer.model_dump(mode="json") for answer in answers],
        "receipts.json": [receipt.model_dump(mode="json") for receipt in service.ledger.receipts(run_id)],
    }
    files = {name: _json(value) for name, value in held.items() if value is not None}
    chains = service.archive.chains(run_id)
    files |= {f"evidence/{name}": lines(chain).encode() for name, chain in chains.items()}
    manifest = _json(_manifest(run_id, files, iso(service.clock()), key_id(service.approval_key)))
    return _packed({**files, MANIFEST: manifest, SIGNATURE: _signature(service.approval_key, manifest).encode()})


def key_id(key: bytes) -> str:
    """A short name of a key, from which it cannot be told."""
    return hmac.new(key, b"key id", hashlib.sha256).hexdigest()[:16]


def checked(archive: bytes, keys: list[bytes]) -> Checked:
    """Whether each file is the one in the manifest, each chain holds, and it is signed, if by one of the keys.

    Raises ValueError for what is no such archive.
    """
    files = _unpacked(archive)
    if MANIFEST not in files:
        raise ValueError("no manifest in it")
    manifest = _Manifest.model_validate_json(files[MANIFEST])
    listed = {one.path: one.sha256 for one in manifest.files}
    faults = [f"{path}: missing" for path in listed if path not in files]
    for path, content in files.items():
        if path in (MANIFEST, SIGNATURE):
            continue
        if listed.get(path) != hashlib.sha256(content).hexdigest():
            faults.append(f"{path}: {'changed' if path in listed else 'not in the manifest'}")
    chains = {path: _chain(content) for path, content in files.items() if path.startswith("evidence/")}
    faults += [f"{path}: {chain.fault}" for path, chain in chains.items() if chain.fault]
    faults += _cut(files, {chain.head for chain in chains.values()})
    given = files.get(SIGNATURE, b"")
    signed = any(hmac.compare_digest(given, _signature(key, files[MANIFEST]).encode()) for key in keys)
    if not given:
        faults.append(f"{SIGNATURE}: missing")
    elif not signed and manifest.key_id in ["", *map(key_id, keys)]:
        faults.append(f"{MANIFEST}: {'changed since this home signed it' if manifest.key_id else 'names no key'}")
    return Checked(
        run_id=manifest.run_id,
        files=len(listed),
        entries=sum(chain.entries for chain in chains.values()),
        signed_here=signed,
        key_id=manifest.key_id,
        faults=sorted(faults),
    )


class _Chain(Record):
    """One chain as the archive has it."""

    fault: str = ""
    entries: int = 0
    head: str = ""


def _chain(content: bytes) -> _Chain:
    try:
        chain = entries(content.decode())
    except (ValidationError, UnicodeDecodeError):
        return _Chain(fault="not a chain of reads")
    place = broken(chain)
    fault = "" if place is None else f"entry {place + 1} was changed or moved"
    return _Chain(fault=fault, entries=len(chain), head=head(chain))


def _cut(files: dict[str, bytes], heads: set[str]) -> list[str]:
    """The sources whose chain does not end as the report says: its end was cut off, or it is not there."""
    report = _Told.model_validate_json(files.get("report.json", b"{}"))
    return [
        f"{one.source}: its chain does not end as the report says"
        for one in report.evidence
        if one.chain and one.chain not in heads
    ]


def _manifest(run_id: str, files: dict[str, bytes], made_at: str, key: str) -> JsonObject:
    listed = [
        _Listed(path=path, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
        for path, content in sorted(files.items())
    ]
    return _Manifest(run_id=run_id, made_at=made_at, key_id=key, files=listed).model_dump(mode="json")


def _signature(key: bytes, manifest: bytes) -> str:
    return hmac.new(key, b"case file\n" + manifest, hashlib.sha256).hexdigest()


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()


def _packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for path, content in sorted(files.items()):
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(content), 0o600
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _unpacked(archive: bytes) -> dict[str, bytes]:
    """Regular files by path, in memory: nothing is written. Raises ValueError."""
    files: dict[str, bytes] = {}
    size = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            for member in tar:
                size += member.size
                held = tar.extractfile(member) if member.isreg() and size <= LIMIT else None
                if held is None or member.name in files:
                    raise ValueError(f"not a plain file, there twice, or too large: {member.name[:80]!a}")
                files[member.name] = held.read()
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise ValueError("not a gzipped tar") from error
    return files
