"""`stanch export`: everything that is kept of a run in one archive, and its check."""

import re
from pathlib import Path
from typing import Annotated

import typer

from agent.plural import plural
from graphs.bootstrap import SANDBOX, approval_key
from graphs.entrypoints.opening import FAILED, REFUSED, configured, of_run, stop
from graphs.entrypoints.printing import out, plain
from graphs.export import Checked, checked, exported
from tools.archive import NotKept

_RUN = re.compile(r"(run|sbx)-[0-9a-f]{12}")


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, or with --check an archive as well.")],
    to: Annotated[Path | None, typer.Option("--out", help="Where to write. Default: RUN.tar.gz here.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Check instead of writing.")] = False,
) -> None:
    """Write one archive with the event, the evidence as AWS answered it, the report, receipts and answers; or check one.

    Exit code 1: what is packed was changed since, or some of it is gone.

    With --check and a run's id, what is kept of the run is checked where it lies.
    """
    configured()
    if check:
        _check(_exported(run) if _RUN.fullmatch(run) and not Path(run).exists() else _read(Path(run)), run)
        return
    archive = _exported(run)
    path = to or Path(f"{run}.tar.gz")
    try:
        path.write_bytes(archive)
    except OSError as error:
        stop(f"{path}: {error.strerror}", REFUSED)
    _say(f"{path}: {plural(len(archive), 'byte')}")
    faults = checked(archive, _keys()).faults
    if not faults:
        return
    for fault in faults:
        typer.echo(plain(fault, 200), err=True)
    stop(f"what is kept of {run} is not what was kept then: {plural(len(faults), 'fault')}, packed as it is", FAILED)


def _exported(run: str) -> bytes:
    try:
        with of_run(run) as runs:
            archive = exported(runs.service, run)
    except NotKept as error:
        stop(f"{run[:40]!r}: the case file cannot be read ({plain(str(error), 200)})", FAILED)
    if archive is None:
        stop(f"no such run here: {run[:40]!r}", REFUSED)
    return archive


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        stop(f"{path}: {error.strerror}", REFUSED)


def _check(archive: bytes, name: str) -> None:
    try:
        found = checked(archive, _keys())
    except ValueError as error:
        stop(f"{name}: no case file ({plain(str(error), 200)})", REFUSED)
    for fault in found.faults:
        _say(plain(fault, 200))
    counts = f"{plural(found.files, 'file')}, {plural(found.entries, 'read')}, {plural(len(found.faults), 'fault')}"
    _say(f"{plain(found.run_id, 80)}: {counts}, {_signed(found)}")
    raise typer.Exit(FAILED if found.faults else 0)


def _signed(found: Checked) -> str:
    if found.signed_here:
        return "signed here"
    if found.faults:
        return "not signed here"
    return f"it names the key of another home ({plain(found.key_id, 40)}), where alone the signature can be checked"


def _keys() -> list[bytes]:
    """The keys of this home, where there are any: a check makes none."""
    home = configured().home
    return [approval_key(place) for place in (home, home / SANDBOX) if (place / "approval.key").exists()]


def _say(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)
