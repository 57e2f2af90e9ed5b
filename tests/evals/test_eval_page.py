"""The page draws every report, shows hostile text, and never lets it become markup."""

from collections import Counter
from html.parser import HTMLParser

import pytest
from report_builders import CHANGES, KEY, RUN, USER, action, approval, every_status, receipt, report

from agent.plan import Inapplicable
from agent.receipt import Outcome
from agent.report import Report, SourceSummary, Status
from agent.verdict import Ruling
from evals.page import LARGEST, Place, render_eval, render_run
from evals.summary import Examined, Summary

CANARY = "\"'></style></q><img src=//canary.example onerror=canary()><a href=javascript:canary>\u202e{{canary}}"


class Markup(HTMLParser):
    """Every element with its attributes, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def full_report() -> Report:
    """A report in which every list and every optional part holds something."""
    made = action(1, "iam_deny_user", Ruling.ASK, receipt(1, CHANGES["iam_deny_user"]))
    assert made.verdict
    assert made.receipt
    verdict = made.verdict.model_copy(update={"shadow": ["s"], "errors": ["e"], "otherwise": {"auto": Ruling.ALLOW}})
    calls = [made.receipt.calls[0].model_copy(update={"error": "e"})]
    failed = made.receipt.model_copy(update={"outcome": Outcome.FAILED, "detail": "d", "undo_of": "A1", "calls": calls})
    whole = made.model_copy(update={"verdict": verdict, "receipt": failed, "undone": failed, "undo_verdict": verdict})
    return report(
        Status.AWAITING_APPROVAL,
        actions=[whole],
        waits_for="w",
        fallback_reason="f",
        dropped=[Inapplicable(action="a", target=made.planned.change.target, reason="gone", detail="d")],
        approvals=[approval("approve")],
        unconfirmed={KEY.key: "gone"},
    )


def poisoned(value: object, path: tuple[object, ...], whole: dict[str, object]) -> int:
    """Put the canary into every string, and every name of a mapping, where the record still accepts it. Returns how many."""
    entries = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else [])
    count = 0
    for name, entry in entries:
        if isinstance(entry, dict | list):
            count += poisoned(entry, (*path, name), whole)
        elif isinstance(entry, str):
            count += attempt(value, name, CANARY, entry, whole)
    if isinstance(value, dict):
        value["canary>" + CANARY] = next(iter(value.values()), "x")
        if accepts(whole):
            count += 1
        else:
            del value["canary>" + CANARY]
    return count


def attempt(holder: object, name: object, put: object, back: object, whole: dict[str, object]) -> int:
    holder[name] = put
    if accepts(whole):
        return 1
    holder[name] = back
    return 0


def accepts(whole: dict[str, object]) -> bool:
    try:
        Report.model_validate(whole)
    except ValueError:
        return False
    return True


def summed(reports: list[Report]) -> Summary:
    return Summary.of([Examined.of(f"case-{n}", n, [one], None) for n, one in enumerate(reports)], reports)


@pytest.fixture(scope="module")
def hostile() -> Report:
    whole = full_report().model_dump(mode="json")
    assert poisoned(whole, (), whole) > 60, "most strings of a report are free text or somebody's identifier"
    return Report.model_validate(whole)


@pytest.mark.parametrize("view", ["run", "eval"])
def test_no_string_of_a_report_becomes_an_element_or_an_attribute(hostile: Report, view: str) -> None:
    page = render_run(hostile) if view == "run" else render_eval([hostile], summed([hostile]))
    markup = Markup(page)
    allowed = Markup(render_run(full_report()) + render_eval(list(every_status().values()), summed([full_report()])))
    assert {tag for tag, _ in markup.elements} <= {tag for tag, _ in allowed.elements} | {"wbr"}
    names = {name for _, attrs in markup.elements for name, _ in attrs}
    assert names <= {name for _, attrs in allowed.elements for name, _ in attrs}
    assert not [value for _, attrs in markup.elements for _, value in attrs if value and "canary" in value]
    assert markup.text.count("canary.example") > 40, "the canaries are shown, as text"
    assert "\u202e" not in page


def test_text_that_hides_or_reorders_is_shown_as_code_points() -> None:
    made = report(Status.CONTAINED, rationale="pay\u202egnp.exe\u200b\u3164\x1b[2K\U000e0041 \u05d0")
    page = render_run(made)
    for code in ("U+202E", "U+200B", "U+3164", "U+001B", "U+E0041"):
        assert f'<span class="x">{code}</span>' in page
    assert "\u05d0" in page, "a letter of another script stays a letter"
    assert "\x1b" not in page


@pytest.mark.parametrize("status", list(Status))
def test_every_status_is_drawn_with_what_its_report_says(status: Status) -> None:
    made = every_status()[status]
    text = Markup(render_run(made)).text
    for said in (
        status.value.replace("_", " "),
        made.run_id,
        made.waits_for,
        made.finding.type if made.finding else "Not a finding",
    ):
        assert said in text
    for one in made.actions:
        assert one.verdict
        for said in (one.summary, one.undo, one.planned.change.target.id, *one.verdict.policies, *one.verdict.why):
            assert said in text
        assert not one.receipt or one.receipt.verification.detail in text


def test_a_page_asks_nothing_of_the_network_and_runs_nothing() -> None:
    reports = list(every_status().values())
    for page in (render_run(reports[6]), render_eval(reports, summed(reports))):
        markup = Markup(page)
        policy = dict(
            next(attrs for tag, attrs in markup.elements if ("http-equiv", "Content-Security-Policy") in attrs)
        )
        assert policy["content"].startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
        assert not {"script", "link", "iframe", "object", "img", "base", "form"} & {tag for tag, _ in markup.elements}
        assert not {"src", "href", "action"} & {name for _, attrs in markup.elements for name, _ in attrs}
        assert "url(" not in page
        assert "@import" not in page


def test_the_difference_says_what_was_there_and_what_is_wanted() -> None:
    text = Markup(render_run(every_status()[Status.CONTAINED])).text
    assert 'Status: "Active"' in text
    assert 'Status: "Inactive"' in text
    assert "policy: (not there)" in text
    assert '"Effect": "Deny"' in text, "a policy inside a string is opened up"


def test_facts_missing_for_one_reason_are_one_row_and_a_source_that_asked_nothing_is_one_name() -> None:
    missing = {f"key.{name}@KEY": "absent: no_trail" for name in ("one", "two")} | {
        "key.three@KEY": "failed: Throttling"
    }
    asked = SourceSummary(
        source="trail_of_asked", standing="failed", facts=dict.fromkeys(missing), not_known=missing, calls=1
    )
    silent = SourceSummary(
        source="trail_in_s3",
        standing="absent",
        facts={},
        not_known={"key.four@KEY": "absent: no_athena_table"},
        calls=0,
    )
    page = render_run(report(Status.ESCALATED, evidence=[asked, silent]))
    assert ">key.one, key.two</td>" in page
    assert ">key.three</td>" in page
    assert "Nothing to ask there: trail in s3 (no athena table)." in Markup(page).text
    assert "key.four" not in page


def test_four_hundred_of_the_fullest_reports_stay_under_a_megabyte() -> None:
    reports = [full_report()] * 400
    page = render_eval(reports, summed(reports))
    assert len(page.encode()) <= LARGEST < 1_000_000
    assert page.count('class="row s-awaiting_approval"') == 400, "every run keeps its row"
    assert "results.jsonl has everything" in Markup(page).text


def test_as_many_runs_as_fit_keep_their_details_the_shortest_first() -> None:
    reports = [*[report(Status.NO_ACTION)] * 40, *[full_report()] * 200]
    page = render_eval(reports, summed(reports))
    drawn = page.count('<article class="run">')
    assert 50 < drawn < 200
    assert page.count('class="row s-') == 240, "every run keeps its row"
    assert page.count('<details class="row s-no_action">') == 40
    assert f"{240 - drawn} runs have their row alone" in Markup(page).text
    assert len(page.encode()) <= LARGEST


def test_each_row_names_its_case_and_its_line_of_the_results() -> None:
    reports = list(every_status().values())[:2]
    page = render_eval(reports, summed(reports), None, [Place("two-findings", 7), Place("two-findings", 8)])
    text = " ".join(Markup(page).text.split())
    assert [f"two-findings line {number}" in text for number in (7, 8)] == [True, True]


def test_no_number_of_reports_breaks_the_limit() -> None:
    reports = [report(Status.NO_ACTION, evidence=[])] * 3000
    assert len(render_eval(reports, summed(reports)).encode()) <= LARGEST


def test_what_was_not_judged_is_counted_beside_what_it_was_taken_for() -> None:
    reports = [report(Status.CONTAINED), *[report(Status.SKIPPED, disposition=None)] * 3]
    text = Markup(render_eval(reports, summed(reports))).text
    assert "3 more were not judged: refused, skipped or failed before." in text
    assert "No runs." in Markup(render_eval([], summed([]))).text


def test_tokens_that_no_model_counted_are_said_to_be_the_sandbox_s() -> None:
    counted = {"input_tokens": 900, "output_tokens": 60, "sandbox": True}
    played = report(Status.CONTAINED, answered_by="playbook over sandbox Converse", **counted)
    asked = report(Status.CONTAINED, answered_by="some.model", **counted)
    told = [Markup(render_run(one)).text for one in (played, asked)]
    assert ["no model answered" in text for text in told] == [True, False]


def test_a_target_that_is_gone_says_so_and_one_that_could_not_be_read_says_nothing() -> None:
    told = report(Status.NO_ACTION, unconfirmed={KEY.key: "gone", USER.key: "failed"})
    text = " ".join(Markup(render_run(told)).text.split())
    assert f"{KEY.id} of {KEY.owner} gone user {USER.id}" in text
    assert f"{USER.id} failed" not in text


def test_a_share_is_shown_as_a_percentage() -> None:
    assert "38 %" in Markup(render_run(every_status()[Status.CONTAINED])).text


def test_a_small_replay_is_drawn_whole() -> None:
    reports = list(every_status().values())
    page = render_eval(reports, summed(reports))
    text = Markup(page).text
    assert "what policy saw" in text
    assert "results.jsonl has everything" not in text
    assert Counter(tag for tag, _ in Markup(page).elements)["article"] == len(reports)
    assert text.count(RUN) >= len(reports)


def test_elements_are_closed_in_the_order_in_which_they_were_opened() -> None:
    class Balanced(HTMLParser):
        void = {"meta", "input", "br", "wbr", "rect"}

        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in self.void:
                self.open.append(tag)

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag, self.getpos()

    reports = [full_report(), *every_status().values()]
    for page in (render_run(reports[0]), render_eval(reports, summed(reports))):
        parser = Balanced()
        parser.feed(page)
        assert parser.open == []
