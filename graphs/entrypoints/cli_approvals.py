"""`stanch approvals`: what waits for a person, and the person's answer."""

import json
from typing import Annotated, Literal

import typer

from agent.record import iso
from agent.report import Report, Status
from agent.verdict import Request
from graphs.answering import MoreNeeded, NotTaken, answer
from graphs.bootstrap import actor, configuration
from graphs.entrypoints.opening import REFUSED, ledger_of, ledgers, of_run, stop
from graphs.entrypoints.printing import as_json, exit_code, line, out, row, shown, where
from tools.action import catalogue

app = typer.Typer(no_args_is_help=False, invoke_without_command=True, help=__doc__)

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]
By = Annotated[str, typer.Option("--by", help="Who answers. Default: STANCH_ACTOR, else the system's user.")]
Why = Annotated[str, typer.Option("--reason", help="Why, in your words.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


@app.callback()
def _default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_waiting()


@app.command("list")
def list_waiting() -> None:
    """List the runs that wait for an answer."""
    requests = [
        (sandbox, ledger.request(row.run_id))
        for sandbox, ledger in ledgers().items()
        for row in ledger.runs()
        if row.status is Status.AWAITING_APPROVAL
    ]
    for sandbox, request in requests:
        if request is not None:
            names = ", ".join(f"{a.id} {a.change.action} on {a.change.target.id}" for a in request.actions)
            until = f"[yellow]until {iso(request.expires_at)}[/]"
            out.print(f"[bold]{request.run_id}[/]{where(sandbox)}  {shown(names)}  {until}")
    if not requests:
        out.print("Nothing waits.")


@app.command()
def show(run: Run) -> None:
    """Show the whole card: what would change, why it is asked, who would feel it, how it is taken back."""
    ledger = ledger_of(run)
    request, report = ledger.request(run), ledger.report(run)
    if request is None or report is None:
        stop(f"{run} has asked nobody", REFUSED)
    line(report)
    row("digest", request.digest)
    _card(request, report)


def _card(request: Request, report: Report) -> None:
    for action in request.actions:
        change = action.change
        spec = catalogue().get(change.action)
        out.print(f"\n[bold]{action.id}  {shown(spec.summary if spec else change.action)}[/]")
        row(
            "target",
            shown(f"{change.target.kind} {change.target.id} in {change.target.account} {change.target.region}"),
        )
        row("before", shown(json.dumps(change.before), 700))
        row("after", shown(json.dumps(change.after), 700))
        verdict = next((a.verdict for a in report.actions if a.planned.id == action.id), None)
        for why in verdict.why if verdict else []:
            row("asked as", shown(why))
        for effect in change.blast_radius:
            row("feels it", shown(effect.line))
        for number, text in enumerate(change.leaves_open):
            row("" if number else "still open", shown(text))
        row("way back", "exact" if spec is None else spec.reversal.replace("_", " "))


@app.command()
def approve(
    run: Run,
    by: By = "",
    only: Annotated[list[str] | None, typer.Option("--only", help="Approve only these actions (A1, …).")] = None,
    reason: Why = "",
    json_: AsJson = False,
) -> None:
    """Approve the actions that were asked, or fewer."""
    _answer(run, "approve", by, only, reason, json_)


@app.command()
def reject(run: Run, by: By = "", reason: Why = "", json_: AsJson = False) -> None:
    """Reject the whole request."""
    _answer(run, "reject", by, None, reason, json_)


@app.command()
def edit(
    run: Run,
    drop: Annotated[list[str], typer.Option("--drop", help="Actions to leave out (A1, …).")],
    by: By = "",
    reason: Why = "",
    json_: AsJson = False,
) -> None:
    """Approve without some of the actions. Nothing can be added or widened."""
    request = ledger_of(run).request(run)
    asked = [action.id for action in request.actions] if request else []
    unknown = sorted(set(drop) - set(asked))
    if unknown:
        stop(f"not among the asked actions: {', '.join(unknown)}", REFUSED)
    _answer(run, "approve", by, [action for action in asked if action not in drop], reason, json_)


def _answer(
    run: str, decision: Literal["approve", "reject"], by: str, only: list[str] | None, reason: str, json_: bool
) -> None:
    with of_run(run) as runs:
        given = answer(runs, run, decision, by or actor(configuration()), only, reason)
    if isinstance(given, NotTaken):
        stop(f"{given.reason.replace('_', ' ')}: {given.detail}", REFUSED)
    if isinstance(given, MoreNeeded):
        out.print(f"kept; {given.given} so far, needs {given.detail}")
        return
    print(as_json([given])) if json_ else line(given)  # noqa: T201 - the JSON is the output
    raise typer.Exit(exit_code([given]))
