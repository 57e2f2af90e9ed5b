"""botocore's descriptions of AWS, cut to what is declared: `python -m evals.models FOLDER` writes them for AWS_DATA_PATH.

The Lambda package has these in the place of botocore's own. Its functions start sooner for it, need less memory, and can send
no operation that nobody declared: their clients have no such method.
"""

import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader

from graphs.permissions import declared
from tools import outbox, secret
from tools.aws import AwsCall

Described = dict[str, Any]

WHOLE = ("bedrock", "dynamodb", "sts")
"""What libraries call for us by what they find there: the model's profile, checkpoints and the ledger, our own identity."""
BESIDES = {"s3": {"GetObjectRetention", "HeadBucket", "PutObject"}}
"""Operations that no unit declares: keeping the case file, and what botocore itself asks about a bucket's Region."""
_KINDS = ("service-2", "paginators-1", "waiters-2", "endpoint-rule-set-1")


def wanted() -> dict[str, set[str]]:
    """The operations of each service that the functions call. An empty set is all of them."""
    found: dict[str, set[str]] = {name: set() for name in WHOLE}
    calls: Iterable[AwsCall] = declared() | outbox.CALLS | secret.CALLS
    for call in calls:
        if call.service not in WHOLE:
            found.setdefault(call.service, set(BESIDES.get(call.service, ()))).add(call.operation)
    return found


def write(into: Path) -> None:
    """Each service's newest description, and nothing of any other service. Raises KeyError for an operation that botocore lacks."""
    loader = Loader()
    for service, operations in sorted(wanted().items()):
        version = loader.determine_latest_version(service, "service-2")
        folder = into / service / version
        folder.mkdir(parents=True)
        for kind in _KINDS:
            try:
                described: Described = loader.load_service_model(service, kind, version)
            except (DataNotFoundError, UnknownServiceError):
                continue
            text = json.dumps(_cut(kind, described, operations), separators=(",", ":"), sort_keys=False)
            (folder / f"{kind}.json").write_text(text, encoding="utf-8")


def replace(data: Path) -> None:
    """Put them in the place of all services that an installed botocore describes; what it says of Regions and retries stays."""
    for folder in [path for path in data.iterdir() if path.is_dir()]:
        shutil.rmtree(folder)
    write(data)


def _cut(kind: str, described: Described, operations: set[str]) -> Described:
    if kind == "service-2":
        return _service(described, operations or set(described["operations"]))
    if kind == "paginators-1" and operations:
        return described | {"pagination": {k: v for k, v in described["pagination"].items() if k in operations}}
    if kind == "waiters-2" and operations:
        return described | {"waiters": {k: v for k, v in described["waiters"].items() if v["operation"] in operations}}
    return described


def _service(described: Described, names: set[str]) -> Described:
    """The description with these operations and the shapes that they reach, without its prose."""
    operations = {name: described["operations"][name] for name in sorted(names)}
    shapes = described["shapes"]
    reached: set[str] = set()
    todo = [name for operation in operations.values() for name in _starts(operation)]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += _inner(shapes[name])
    kept = {name: shape for name, shape in shapes.items() if name in reached}
    silent: Described = _silent(described | {"operations": operations, "shapes": kept})
    return silent


def _starts(operation: Described) -> list[str]:
    ends = [operation[end] for end in ("input", "output") if end in operation]
    return [one["shape"] for one in [*ends, *operation.get("errors", [])]]


def _inner(shape: Described) -> list[str]:
    parts = [*shape.get("members", {}).values(), *(shape[part] for part in ("member", "key", "value") if part in shape)]
    return [part["shape"] for part in parts]


def _silent(described: Any) -> Any:
    """Without documentation, which is always a text; a member of that name is a dict, and stays."""
    if isinstance(described, dict):
        return {
            name: _silent(value)
            for name, value in described.items()
            if name != "documentation" or not isinstance(value, str)
        }
    return [_silent(one) for one in described] if isinstance(described, list) else described


if __name__ == "__main__":
    write(Path(sys.argv[1]))
