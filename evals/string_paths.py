"""Every string path of the findings that AWS sends and of the answers that sources read, each with who writes it.

A file a shape, in `evals/paths/`. `python -m evals.string_paths` adds what botocore or a recorded finding brings that is
new, as written by an attacker, and drops what botocore no longer has; labels that somebody chose stay.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path

import botocore.session
from botocore.model import ServiceModel, Shape
from pydantic import JsonValue

from agent.record import Record
from evals.loading import read_json
from tools.source import sources

HERE = Path(__file__).parent
EVENTS = HERE.parent / "tests" / "data" / "events"


class Writer(StrEnum):
    """Who chose the text that stands at a path."""

    ATTACKER = "attacker"
    """Anybody: prose, tags, user agents, command lines. No slot, address, or word that decides is ever made of it."""
    NAME = "name"
    """Whoever named the resource, in the letters that AWS allows: read strictly, and read again from AWS."""
    ADDRESS = "address"
    """The service, of a connection that it saw; which address it was, the other side chose."""
    AWS = "aws"
    """The service alone: ids, ARNs, accounts, Regions, types."""
    ENUM = "enum"
    """The service, out of a list in its model."""
    TIME = "time"
    """The service, a moment."""


class Model(Record):
    """Where botocore keeps the shape of a finding."""

    service: str
    operation: str
    way: list[str]
    """Members of the output, down to the finding."""


MODELS = {
    "securityhub_asff": Model(service="securityhub", operation="GetFindings", way=["Findings"]),
    "guardduty": Model(service="guardduty", operation="GetFindings", way=["Findings"]),
    "macie": Model(service="macie2", operation="GetFindings", way=["findings"]),
    "inspector": Model(service="inspector2", operation="ListFindings", way=["findings"]),
    "access_analyzer": Model(service="accessanalyzer", operation="GetFinding", way=["finding"]),
}
"""Shapes that botocore knows. What it calls a document, or does not know, is taken from recordings."""

RECORDED = {
    "securityhub_ocsf": "*_ocsf.json",
    "config": "config_*.json",
    "health": "health_*.json",
    "cloudtrail": "cloudtrail_*.json",
    "cloudwatch": "cloudwatch_*.json",
}
"""Shapes of which there are recordings alone, and the example events that are of them."""

ANSWERS = "answers"
"""The file of what AWS answers to the reads of the sources: a path behind the name of its call."""

Paths = dict[str, Writer]


def of_model(name: str) -> Paths:
    """Every string path of a shape as botocore has it: enums and moments labelled so, the rest as an attacker's."""
    model = MODELS[name]
    shape = (
        botocore.session.get_session().get_service_model(model.service).operation_model(model.operation).output_shape
    )
    for member in model.way:
        shape = shape.members[member]
    return dict(_walk(shape.member if shape.type_name == "list" else shape, "", frozenset()))


def of_answers() -> Paths:
    """The same of every answer that a source reads."""
    calls = sorted({(call.service, call.operation) for source in sources().values() for call in source.CALLS})
    return {
        f"{service}:{operation} {path}": writer
        for service, operation in calls
        for path, writer in _walk(_output(service, operation), "", frozenset(), wire=False)
    }


def _output(service: str, operation: str) -> Shape:
    return _service(service).operation_model(operation).output_shape


@cache
def _service(name: str) -> ServiceModel:
    return _session().get_service_model(name)


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


def _walk(shape: Shape, path: str, above: frozenset[str], wire: bool = True) -> Iterator[tuple[str, Writer]]:
    """`{}` stands for the keys of a map and `*` for its values, `[]` for the elements of a list.

    Named as on the wire, or as boto3 answers.
    """
    if shape is None:
        return
    if shape.type_name == "string":
        yield path, Writer.ENUM if shape.enum else Writer.ATTACKER
    elif shape.type_name == "timestamp":
        yield path, Writer.TIME
    elif shape.type_name == "list":
        yield from _walk(shape.member, f"{path}[]", above, wire)
    elif shape.type_name == "map":
        yield f"{path}{{}}", Writer.ATTACKER
        yield from _walk(shape.value, _under(path, "*"), above, wire)
    elif shape.type_name == "structure" and shape.name not in above:
        for name, member in shape.members.items():
            called = member.serialization.get("name", name) if wire else name
            yield from _walk(member, _under(path, called), above | {shape.name}, wire)


def _under(path: str, name: str) -> str:
    """Names with a dot in them are quoted, as a recording has some."""
    name = f'"{name}"' if "." in name else name
    return f"{path}.{name}" if path else name


def of_recording(value: JsonValue, path: str = "") -> Iterator[str]:
    """Every string path of a recorded finding."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, list):
        for each in value:
            yield from of_recording(each, f"{path}[]")
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from of_recording(each, _under(path, name))


def recordings(name: str) -> Iterator[JsonValue]:
    """The example events of a shape, and what the corpus has of it where it is here."""
    for file in sorted(EVENTS.glob(RECORDED[name])):
        yield from finding_of(read_json(file.read_bytes()))
    corpus = Path(os.environ.get("STANCH_CORPUS") or HERE.parents[1] / "shared" / "corpus") / f"{name}.jsonl"
    if name == "securityhub_ocsf" and corpus.is_file():
        for line in corpus.read_bytes().splitlines():
            row = read_json(line)
            yield from finding_of(row.get("finding") if isinstance(row, dict) else None)


def finding_of(body: JsonValue) -> list[JsonValue]:
    """The findings within an event, or the body itself."""
    if isinstance(body, list):
        return [finding for each in body for finding in finding_of(each)]
    detail = body.get("detail") if isinstance(body, dict) else None
    held = detail if isinstance(detail, dict) else body
    found = (held.get("findings") or held.get("Findings")) if isinstance(held, dict) else None
    return found if isinstance(found, list) else [held]


def kept(name: str) -> Paths:
    """The labels as they stand in the file."""
    file = HERE / "paths" / f"{name}.tsv"
    if not file.exists():
        return {}
    rows = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines())
    return {path: Writer(label) for label, path in rows}


def wanted(name: str) -> Paths:
    """What the file should hold: the paths that there are, with the labels that were chosen."""
    before = kept(name)
    if name in MODELS or name == ANSWERS:
        there = of_answers() if name == ANSWERS else of_model(name)
        return {path: before.get(path, writer) for path, writer in there.items()}
    seen = dict.fromkeys(path for body in recordings(name) for path in of_recording(body))
    return {**dict.fromkeys(sorted(seen), Writer.ATTACKER), **before}


def render(paths: Paths) -> str:
    """A path a line, in the order of names, with its label before it."""
    return "".join(f"{paths[path]}\t{path}\n" for path in sorted(paths))


def of_writer(name: str, writers: Iterable[Writer]) -> list[str]:
    """The paths that these write."""
    chosen = set(writers)
    return [path for path, writer in kept(name).items() if writer in chosen]


def main() -> int:
    """Write every file."""
    for name in [*MODELS, *RECORDED, ANSWERS]:
        (HERE / "paths" / f"{name}.tsv").write_text(render(wanted(name)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
