"""Where the raw evidence of a run is kept: on disk, in S3, or nowhere. What is kept is only ever added to."""

import errno
import json
import os
import re
from contextlib import suppress
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
    """Objects under a prefix, written only where there is none yet. The bucket's own Object Lock keeps them."""

    def __init__(self, client: Any, bucket: str, prefix: str = "cases/") -> None:
        self._client, self._bucket, self._prefix = client, bucket, prefix

    def keep(self, run_id: str, source: str, looked: list[Looked]) -> str:
        """Put a new object; where there is one already, under the next number."""
        chain = chained(looked)
        text = lines(chain).encode()
        for number in range(1, CHAINS):
            key = f"{self._prefix}{named(run_id)}/{chain_name(source, number)}"
            try:
                self._client.put_object(
                    Bucket=self._bucket, Key=key, Body=text, IfNoneMatch="*", ChecksumAlgorithm="SHA256"
                )
                return head(chain)
            except botocore.exceptions.ClientError as error:
                code = str(error.response["Error"]["Code"])
                if code not in _THERE_ALREADY:
                    raise NotKept(code) from error
            except botocore.exceptions.BotoCoreError as error:
                raise NotKept(type(error).__name__) from error
        raise NotKept("too many chains")

    def chains(self, run_id: str) -> dict[str, list[Entry]]:
        """Every chain under the run's prefix."""
        prefix = f"{self._prefix}{named(run_id)}/"
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        keys = sorted(item["Key"] for page in pages for item in page.get("Contents", []))
        read = {key: self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read().decode() for key in keys}
        return {key.removeprefix(prefix): entries(text) for key, text in read.items()}


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
