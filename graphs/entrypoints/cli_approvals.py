"""`stanch approvals`: what waits for a person, and the person's answer."""

import json
from typing import Annotated, Literal, NoReturn

import typer

from agent.left_open import lines_on_a_card
from agent.policy import reasons
from agent.report import Report, Status, proposed_by
from agent.target import Target
from agent.verdict import Request
from graphs.answering import MoreNeeded, NotTaken, answer, too_late
from graphs.bootstrap import actor
from graphs.entrypoints.cli_cards import answer_all, is_card, list_cards, show_card
from graphs.entrypoints.opening import FAILED, REFUSED, configured, ledger_of, ledgers, nothing, now_in, of_run, stop
from graphs.entrypoints.printing import answered, as_json, exit_code, line, moment, out, row, shown, where
from graphs.people import HOW_TO_ANSWER
from tools.action import catalogue
from tools.ledger import Ledger

app = typer.Typer(no_args_is_help=False, invoke_without_command=True, help=__doc__)

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]
RunOrCard = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, or that of a card.")]
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
    here = ledgers()
    waiting = [(ledger, pair, sandbox) for sandbox, ledger in here.items() for pair in _waiting(ledger)]
    for ledger, (request, report), sandbox in waiting:
        late = too_late(request, now_in(ledger, sandbox=sandbox), sandbox)
        waits = late or (report.waits_for if report is not None else f"an answer until {moment(request.expires_at)}")
        out.print(f"[bold]{request.run_id}[/]{where(report is not None and report.sandbox)}")
        row("waits for", f"[yellow]{shown(waits)}[/]")
        _so_far(ledger, request)
        if report is not None and report.finding is not None:
            found = report.finding
            row("finding", f"{shown(found.type)}, severity {found.severity}, in {found.account} {found.region}")
        for action in request.actions:
            row(action.id, f"{action.change.action} on {_named(action.change.target)}")
    list_cards()
    if not waiting:
        out.print(nothing("Nothing waits."), soft_wrap=True)


def _waiting(ledger: Ledger) -> list[tuple[Request, Report | None]]:
    """The requests that wait for an answer, each with what its run said so far, the newest first."""
    runs = [known.run_id for known in ledger.runs() if known.status is Status.AWAITING_APPROVAL]
    return [(request, ledger.report(run)) for run in runs if (request := ledger.request(run)) is not None]


def _so_far(ledger: Ledger, request: Request) -> None:
    """Who has answered, of those whose answers make the quorum."""
    for number, approval in enumerate(ledger.answers(request.run_id, request.digest)):
        row("" if number else "so far", shown(answered(approval), 600))


def _named(target: Target) -> str:
    owner = f" of {target.owner}" if target.owner else ""
    return shown(f"{target.kind.replace('_', ' ')} {target.id}{owner}")


@app.command()
def show(run: RunOrCard) -> None:
    """Show the whole card: what would change, why it is asked, who would feel it, how it is taken back."""
    show_card(run, _show) if is_card(run) else _show(run)


def _show(run: str) -> None:
    ledger = ledger_of(run)
    request, report = ledger.request(run), ledger.report(run)
    if request is None or report is None:
        stop(f"{run} has asked nobody", REFUSED)
    line(report, _ways(request))
    if report.status is Status.AWAITING_APPROVAL:
        _so_far(ledger, request)
    row("digest", request.digest)
    _card(request, report)
    _others(request, ledger)


def _ways(request: Request) -> list[str]:
    """The commands that answer it."""
    last = request.actions[-1].id
    edit_ = [f"stanch approvals edit {request.run_id} --drop {last}"] if len(request.actions) > 1 else []
    approve_, reject_ = (f"stanch approvals {word} {request.run_id}" for word in ("approve", "reject"))
    return [approve_, *edit_, reject_]


def _card(request: Request, report: Report) -> None:
    standing = [action.planned.change for action in report.actions if action.stands]
    for action in request.actions:
        change = action.change
        spec = catalogue().get(change.action)
        out.print(f"\n[bold]{action.id}  {shown(spec.summary if spec else change.action)}[/]")
        row("target", shown(change.target.words))
        row("before", shown(json.dumps(change.before), 700))
        row("after", shown(json.dumps(change.after), 700))
        verdict = next((a.verdict for a in report.actions if a.planned.id == action.id), None)
        for number, why in enumerate(reasons(verdict) if verdict else []):
            row("" if number else "asked as", shown(why, 500))
        row("proposed", f"by {proposed_by(action, report.answered_by)}")
        for number, text in enumerate(change.felt):
            row("" if number else "feels it", shown(text))
        for number, text in enumerate(lines_on_a_card(change, request.actions, standing)):
            row("" if number else "still open", shown(text))
        row("way back", "exact" if spec is None else spec.reversal.replace("_", " "))


def _others(request: Request, ledger: Ledger) -> None:
    """The other requests that wait about one of the same targets: each is answered on its own."""
    targets = {action.change.target.key for action in request.actions}
    others = [
        (other, report)
        for other, report in _waiting(ledger)
        if other.run_id != request.run_id and targets & {action.change.target.key for action in other.actions}
    ]
    if others:
        out.print("\n[bold]Also waiting about the same target[/]")
    for other, report in others:
        about = shown(f"{report.finding.type}, severity {report.finding.severity}") if report and report.finding else ""
        out.print(f"[bold]{other.run_id}[/]")
        row("waits for", f"[yellow]an answer until {moment(other.expires_at)}[/]")
        row("finding", about)
        row("asks", ", ".join(f"{each.change.action} on {_named(each.change.target)}" for each in other.actions))


@app.command()
def approve(
    run: RunOrCard,
    by: By = "",
    only: Annotated[list[str] | None, typer.Option("--only", help="Approve only these actions (A1, …).")] = None,
    reason: Why = "",
    json_: AsJson = False,
) -> None:
    """Approve the actions that were asked, or fewer; of a card all that it shows.

    Exit code 0: done as approved, also where you left actions out; 1: failed, unverified or partial otherwise; 2: not taken.
    """
    if is_card(run) and only:
        stop("--only drops actions of one run: answer that run alone", REFUSED)
    _answer(run, "approve", by, [name.upper() for name in only] if only else only, reason, json_)


@app.command()
def reject(run: RunOrCard, by: By = "", reason: Why = "", json_: AsJson = False) -> None:
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
    """Approve without some of the actions. Nothing can be added or widened.

    Exit code 0: what you left in is done, although the run is partially contained; 1: it is not; 2: not taken.
    """
    request = ledger_of(run).request(run)
    asked = [action.id for action in request.actions] if request else []
    left_out = {name.upper() for name in drop}
    unknown = sorted(left_out - set(asked))
    if unknown:
        stop(f"not among the asked actions: {', '.join(unknown)}", REFUSED)
    _answer(run, "approve", by, [action for action in asked if action not in left_out], reason, json_)


def _answer(
    run: str, decision: Literal["approve", "reject"], by: str, only: list[str] | None, reason: str, json_: bool
) -> None:
    if is_card(run):
        answer_all(run, decision, by, reason, json_)
    with of_run(run) as runs:
        given = answer(runs, run, decision, by or actor(configured()), only, reason)
    if isinstance(given, NotTaken):
        how = HOW_TO_ANSWER if given.reason == "unknown_person" else ""
        stop(f"{given.reason.replace('_', ' ')}: {given.detail}{how}", REFUSED)
    if isinstance(given, MoreNeeded):
        out.print(shown(given.words))
        return
    print(as_json([given])) if json_ else line(given)  # noqa: T201 - the JSON is the output
    if given.status is Status.AWAITING_APPROVAL:
        _asked_anew(given, only)
    raise typer.Exit(0 if given.left_by_choice else exit_code([given]))


def _asked_anew(report: Report, only: list[str] | None) -> NoReturn:
    """What was asked is not as it was. What policy lets run without this answer may have run all the same."""
    done = [a.planned.id for a in report.actions if a.receipt is not None and (only is None or a.planned.id in only)]
    words = "what was asked is not as it was any more, and is asked anew: look at it again"
    if done:
        stop(f"only {' and '.join(done)} is done: {words}", FAILED)
    stop(f"not taken: {words}", REFUSED)
