"""`stanch parked`: deliveries that could not be worked, kept until a person looks at them."""

import json
from typing import Annotated

import typer

from agent.event import Event
from agent.plural import plural
from agent.record import iso
from agent.report import Status
from graphs.entrypoints.opening import REFUSED, ledgers, nothing, opened, stop
from graphs.entrypoints.printing import exit_code, line, out, shown
from graphs.entrypoints.reading import Unreadable, read
from tools.ledger import Parked

app = typer.Typer(no_args_is_help=False, invoke_without_command=True, help=__doc__)

Id = Annotated[str, typer.Argument(metavar="ID", help="As `stanch parked list` says it.")]


@app.callback()
def _default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_parked()


@app.command("list")
def list_parked() -> None:
    """List what is parked: since when, why, and how it begins."""
    found = [parked for ledger in ledgers().values() for parked in ledger.parked()]
    for parked in found:
        out.print(f"[bold]{parked.id}[/]  since {iso(parked.at)}, received {plural(parked.receives, 'time')}")
        out.print(f"  {shown(parked.reason)}")
        out.print(f"  [dim]{shown(parked.body, 120)}[/]")
    if not found:
        out.print(nothing("Nothing is parked."), soft_wrap=True)


@app.command()
def retry(parked_id: Id) -> None:
    """Work a parked delivery once more, here and now. It stays parked if it is still no event, or malformed."""
    sandbox, parked = _of(parked_id)
    body = read(parked.body.encode())
    if isinstance(body, Unreadable):
        stop(f"{parked.id} is still no event: {body.why}", REFUSED)
    with opened(sandbox=sandbox, event=body if sandbox else None) as runs:
        # it came by a queue: who retries it has not sent the finding by the custom action that it may name
        reports = runs.deliver(Event(body=body, received_at=runs.service.clock(), via="sqs"))
        if any(report.status is Status.REFUSED for report in reports):
            out.print(f"{parked.id} stays parked: a part of it is refused.")
        else:
            runs.service.ledger.unpark(parked.id)
    for report in reports:
        line(report)
    raise typer.Exit(exit_code(reports))


@app.command()
def drop(parked_id: Id) -> None:
    """Forget a parked delivery. It is printed once more, whole."""
    sandbox, _ = _of(parked_id)
    parked = ledgers()[sandbox].unpark(parked_id)
    if parked is not None:
        print(json.dumps({"dropped": parked.id, "body": parked.body}))  # noqa: T201 - what is forgotten is shown whole


def _of(parked_id: str) -> tuple[bool, Parked]:
    """The parked delivery, and whether it is the sandbox's. Ends the command if there is none."""
    kept = ((sandbox, parked) for sandbox, ledger in ledgers().items() for parked in ledger.parked())
    found = next((one for one in kept if one[1].id == parked_id), None)
    return found or stop(nothing(f"nothing is parked as {parked_id[:40]!r}"), REFUSED)
