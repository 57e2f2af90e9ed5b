"""`stanch explain`: what a run saw, decided and did; of one whose process is gone, what is known of it."""

import json

from agent.plural import plural
from graphs.abandoned import Abandoned, abandoned, how_to_go_on, why_not_ended
from graphs.entrypoints.explaining import explain as explain_report
from graphs.entrypoints.opening import REFUSED, known, now_in, stop
from graphs.entrypoints.printing import moment, out, row, shown, where
from graphs.entrypoints.run_argument import Run
from graphs.run_list import UNDO
from tools.ledger import Unsettled


def explain(run: Run) -> None:
    """Say what a run saw, decided and did, in order."""
    sandbox, ledger = known(run)
    report = ledger.report(run)
    if report is not None:
        explain_report(report)
        return
    left = abandoned(ledger, run, now_in(ledger, sandbox=sandbox))
    if left is None:
        stop(f"{run} is being worked by a process that is alive", REFUSED)
    _say(left, sandbox)


def _say(left: Abandoned, sandbox: bool) -> None:
    run = left.run
    out.print(f"[bold]{run.run_id}[/]  [red]not ended[/]{where(sandbox)}")
    row("why", shown(why_not_ended(run.handed_over)))
    row("opened", f"{moment(run.opened_at)}, in {run.mode} mode, taken up {plural(run.fence, 'time')}")
    if left.finding is not None:
        row("finding", f"{shown(left.finding.type)} in {left.finding.account} {left.finding.region}")
    for receipt in left.receipts:
        came = f"{receipt.outcome}, {moment(receipt.at)}" + (f": {shown(receipt.detail)}" if receipt.detail else "")
        row(receipt.action_id, f"{receipt.change.action} on {shown(receipt.change.target.words)}: {came}")
    for one in left.unsettled:
        row("unknown", unknown(one))
        row("", f"before {shown(json.dumps(one.change.before), 700)}")
        row("", f"after {shown(json.dumps(one.change.after), 700)}")
    if not left.receipts and not left.unsettled:
        row("wrote", "nothing, as far as the ledger knows, which is told before each write")
    if run.incident.startswith(UNDO):
        row("go on", f"ask for it again: stanch undo {shown(run.incident.removeprefix(UNDO))}")
    else:
        row("go on", how_to_go_on(sandbox))


def unknown(one: Unsettled) -> str:
    """A write of which nobody knows what it came to."""
    change = one.change
    return shown(f"{change.action} on {change.target.words}: claimed {moment(one.at)}, a write left, outcome unknown")
