"""`stanch standing`: the containments that stand, and writes of which nobody knows whether they took effect."""

from typing import Annotated

import typer

from agent.closing import shown_closed
from agent.plan import Change
from agent.receipt import Receipt
from graphs.abandoned import abandoned, how_to_go_on, why_not_ended
from graphs.entrypoints.cli_closed import LONGEST
from graphs.entrypoints.cli_explain import unknown
from graphs.entrypoints.drifted import drifted, ways_out
from graphs.entrypoints.opening import FAILED, ledgers, nothing, now_in, opened
from graphs.entrypoints.printing import line, moment, out, row, shown, where
from graphs.expiring import expiry
from graphs.reverify import Reverified, reverify
from tools.action import catalogue
from tools.ledger import Ledger


def standing(
    check: Annotated[
        bool, typer.Option("--check", help="Read each back first; what holds no more has lapsed.")
    ] = False,
) -> None:
    """List the containments that stand, count the findings that were closed, and list the writes of dead runs whose outcome nobody knows.

    With --check each is read back from AWS first, as the clock does it on Lambda.

    Exit code 1: something does not hold, or could not be read.
    """
    found = ledgers()
    read = [_read_back(sandbox) for sandbox, ledger in found.items() if check and ledger.standing()]
    told = [_list(ledger, sandbox) for sandbox, ledger in found.items()]
    if not any(told):
        out.print(nothing("Nothing stands."), soft_wrap=True)
    if any(seen.lapsed or seen.partly or seen.unread for seen in read):
        raise typer.Exit(FAILED)


def _read_back(sandbox: bool) -> Reverified:
    """Read what stands, and say what that showed."""
    with opened(sandbox=sandbox) as runs:
        seen = reverify(runs.service)
    for report in seen.lapsed:
        line(report)
    for text in seen.partly:
        row("in part", shown(text, 600), 0)
    for text in seen.unread:
        row("unread", shown(text, 600), 0)
    out.print(f"{seen.held} read back and in place{where(sandbox)}")
    return seen


def _list(ledger: Ledger, sandbox: bool) -> bool:
    """Whether there was anything to say."""
    receipts = [one for one in ledger.standing() if _is_containment(one.change)]
    for receipt in receipts:
        _stands(receipt, ledger, sandbox)
    unsettled = [one for one in ledger.unsettled(now_in(ledger, sandbox=sandbox)) if _is_containment(one.change)]
    for one in unsettled:
        out.print(f"[bold]{one.run_id}[/] [red]outcome unknown[/]{where(sandbox)}")
        row("unknown", unknown(one))
        row("go on", how_to_go_on(sandbox))
    closed = _closings(ledger, sandbox)
    return bool(receipts or unsettled or closed)


def _closings(ledger: Ledger, sandbox: bool) -> bool:
    """Say in one line how many findings are closed as benign, and how to list exactly these; nothing if none is."""
    closed = [receipt for receipt in ledger.standing() if shown_closed(receipt)]
    if closed:
        days = min((now_in(ledger, sandbox=sandbox) - min(receipt.at for receipt in closed)).days + 1, LONGEST)
        many = "1 finding" if len(closed) == 1 else f"{len(closed)} findings"
        out.print(f"[bold]{many} closed as benign[/]{where(sandbox)}: stanch closed --days {max(1, days)}")
    return bool(closed)


def _is_containment(change: Change) -> bool:
    """A note in Security Hub is none."""
    spec = catalogue().get(change.action)
    return spec is not None and spec.offered


def _stands(receipt: Receipt, ledger: Ledger, sandbox: bool) -> None:
    change = receipt.change
    out.print(f"[bold]{receipt.run_id}[/] {receipt.action_id}{where(sandbox)}")
    row("stands", f"{change.action} on {shown(change.target.words)}, since {moment(receipt.at)}")
    left = abandoned(ledger, receipt.run_id, now_in(ledger, sandbox=sandbox))
    if left is not None:
        row("not ended", f"{why_not_ended(left.run.handed_over)}: {how_to_go_on(sandbox)}")
    until = expiry(change, catalogue().get(change.action))
    if until is not None:
        row("until", f"{moment(until)}: {who_ends_it(sandbox)}")
    report = ledger.report(receipt.run_id)
    for action in report.actions if report is not None else []:
        if report is not None and action.planned.id == receipt.action_id and action.undone and drifted(action):
            row("drifted", f"an undo stopped {moment(action.undone.at)}: {shown(action.undone.detail)}")
            for number, text in enumerate(["read it now: stanch standing --check", *ways_out(report, action)]):
                row("" if number else "ways out", shown(text))


def who_ends_it(sandbox: bool) -> str:
    """What takes back what was put in place for a time."""
    here = " --sandbox" if sandbox else ""
    return f"then the next `stanch sweep{here}` takes it back, or the clock on Lambda, if no other run needs it"
