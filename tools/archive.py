"""Where the raw evidence of a run is kept: on disk, in S3, or nowhere. What is kept is only ever added to."""

import errno
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import botocore.exceptions

from agent.casefile import Entry, Looked, chained, head
from agent.record import iso

ANSWER_LIMIT = 2_000_000
"""Bytes of one answer that are kept; of a larger one its size and beginning."""
CHAINS = 1000
"""How often one source may be asked for one run."""
_THERE_ALREADY = ("PreconditionFailed", "ConditionalRequestConflict")
_UNLOCKED = ("NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "InvalidRequest")
"""How S3 says that nothing locks an object, or that its bucket cannot."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


class NotKept(Exception):
    """The raw evidence could not be written; what it says is known all the same."""


class Archive(Protocol):
    """Port: keeps what one source read for one run."""

    def keep(self, run_id: str, source: str, looked: list[Looked]) -> str:
        """Add a chain of reads. A source that is asked again gets a chain of its own beside the first.

        The digest of the chain's last entry: whoever has it notices when the end is cut off. Raises NotKept.
        """
        ...

    def chains(self, run_id: str) -> dict[str, list[Entry]]:
        """Every chain by its name, in the order of names."""
        ...


class Nowhere:
    """Keeps nothing: for evaluations, whose worlds can be read again."""

    def keep(self, run_id: str, source: str, looked: list[Looked]) -> str:
        """Forget it."""
        return ""

    def chains(self, run_id: str) -> dict[str, list[Entry]]:
        """None."""
        return {}


class FileArchive:
    """A folder for each run, a file for each chain, a line for each entry."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, run_id: str, source: str, looked: list[Looked]) -> str:
        """Write a new file; an existing one is never touched."""
        folder, chain = self._folder / named(run_id), chained(looked)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(_new(folder, source), "w", encoding="utf-8") as file:
                file.write(lines(chain))
        except OSError as error:
            raise NotKept(error.strerror or type(error).__name__) from error
        return head(chain)

    def chains(self, run_id: str) -> dict[str, list[Entry]]:
        """Every chain of the run's folder."""
        folder = self._folder / named(run_id)
        return {path.name: entries(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.jsonl"))}


class S3Archive:
    """Objects under a prefix, written only where there is none yet. The bucket's own Object Lock keeps each version."""

    def __init__(self, client: Any, bucket: str, prefix: str = "cases/") -> None:
        self._client, self._bucket, self._prefix = client, bucket, prefix

    def keep(self, run_id: str, source: str, looked: list[Looked]) -> str:
        """Put a new object, where there is one already under the next number, and read back that it is locked."""
        chain = chained(looked)
        text = lines(chain).encode()
        with _not_kept():
            for number in range(1, CHAINS):
                key = f"{self._prefix}{named(run_id)}/{chain_name(source, number)}"
                version = self._put(key, text)
                if version is not None:
                    self._must_be_locked(key, version)
                    return head(chain)
        raise NotKept("too many chains")

    def chains(self, run_id: str) -> dict[str, list[Entry]]:
        """Every chain under the run's prefix, each in its first version: what was put over it later is not what was kept."""
        prefix = f"{self._prefix}{named(run_id)}/"
        with _not_kept():
            first = dict(self._versions(prefix))
            return {key.removeprefix(prefix): self._read(key, first[key]) for key in sorted(first)}

    def locked_until(self, key: str, version: str) -> datetime | None:
        """Until when Object Lock keeps that version. None: it does not."""
        held = {"Bucket": self._bucket, "Key": key, "VersionId": version}
        try:
            until = self._client.get_object_retention(**held)["Retention"]["RetainUntilDate"]
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in _UNLOCKED:
                return None
            raise
        return until if isinstance(until, datetime) else None

    def _put(self, key: str, text: bytes) -> str | None:
        """The version that was written; None where there was an object already."""
        asked = {"Bucket": self._bucket, "Key": key, "Body": text, "IfNoneMatch": "*", "ChecksumAlgorithm": "SHA256"}
        try:
            return str(self._client.put_object(**asked).get("VersionId", ""))
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in _THERE_ALREADY:
                return None
            raise

    def _must_be_locked(self, key: str, version: str) -> None:
        if not version or self.locked_until(key, version) is None:
            raise NotKept("the bucket locks nothing: it is written there, and can be deleted")

    def _versions(self, prefix: str) -> list[tuple[str, str]]:
        """Key and id of every version under the prefix, the newest of each key first."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix)
        return [(str(item["Key"]), str(item["VersionId"])) for page in pages for item in page.get("Versions", [])]

    def _read(self, key: str, version: str) -> list[Entry]:
        answer = self._client.get_object(Bucket=self._bucket, Key=key, VersionId=version)
        return entries(answer["Body"].read().decode())


@contextmanager
def _not_kept() -> Iterator[None]:
    """Whatever S3 refuses, as one word."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        raise NotKept(str(error.response["Error"]["Code"])) from error
    except botocore.exceptions.BotoCoreError as error:
        raise NotKept(type(error).__name__) from error


def _new(folder: Path, source: str) -> int:
    """A file that was not there before, open for writing by its owner alone. Raises OSError."""
    for number in range(1, CHAINS):
        with suppress(FileExistsError):
            return os.open(folder / chain_name(source, number), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    raise OSError(errno.EEXIST, "too many chains")


def named(run_id: str) -> str:
    """The id as part of a path. Raises ValueError for one that no run has."""
    if not _NAME.fullmatch(run_id):
        raise ValueError(f"not the id of a run: {run_id[:40]!a}")
    return run_id


def chain_name(source: str, number: int) -> str:
    """`cloudtrail_lookup.1.jsonl`."""
    return f"{named(source)}.{number}.jsonl"


def lines(chain: list[Entry]) -> str:
    """A chain as JSON lines."""
    return "".join(entry.model_dump_json() + "\n" for entry in chain)


def entries(text: str) -> list[Entry]:
    """JSON lines as a chain. Raises pydantic's ValidationError for a line that is no entry."""
    return [Entry.model_validate_json(line) for line in text.splitlines() if line]


def plain(value: object) -> Any:
    """What boto3 takes or gives, as JSON: times in our form, bytes by their size, no metadata of the answer."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, bytes | bytearray):
        return f"{len(value)} bytes"
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def capped(answer: Any) -> Any:
    """The answer, or where it is too large its size and beginning."""
    text = json.dumps(answer)
    return answer if len(text) <= ANSWER_LIMIT else {"bytes": len(text), "beginning": text[:ANSWER_LIMIT]}
