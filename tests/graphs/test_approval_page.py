"""The approval page: looking changes nothing, and only a signed-in, listed person who saw exactly this request decides."""

import html
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from desk import USER, USER_WORLD, Desk, desk, event
from functions import approvals

from agent.report import Report, Status
from agent.target import Target
from agent.verdict import Mode, Request
from graphs.entrypoints.identity import person_of
from graphs.notify import link, message
from graphs.tokens import form_token, link_token
from tools.registry import Registry

ACCOUNT = "111122223333"
BOTH = ["iam:PutUserPolicy", "iam:UpdateAccessKey"]
TWO_PEOPLE = """
@id("two-people") @outcome("ask") @why("Two people.")
forbid (principal, action in Stanch::Action::"contain", resource) unless { context.approver_count >= 2 };
"""
SCRIPT = "</q><script>alert(1)</script><img src=x onerror=alert(2)>\u202egnp.exe\u200b"


def iam(name: str, account: str = ACCOUNT) -> Any:
    return {"iam": {"userArn": f"arn:aws:iam::{account}:user/{name}", "accountId": account}}


ROSA, MEI = iam("rosa"), iam("team/mei")


class Site:
    """A waiting run, and its page as a browser meets it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, body: Any = None, also: str = "") -> None:
        found = body or event("guardduty_credential_abuse_asff")
        self.at: Desk = desk(folder, USER_WORLD, found, Mode.APPROVE, also=also)
        self.run: Report = self.at.deliver()
        assert self.run.status is Status.AWAITING_APPROVAL, self.run.reason
        self.handler: Callable[[Any], Any] = approvals(self.at, folder, patch)
        self.at.calls.clear()

    @property
    def request(self) -> Request:
        request = self.at.service.ledger.request(self.run.run_id)
        assert request is not None
        return request

    @property
    def link(self) -> str:
        return link(self.request, "https://approvals.example.com", self.at.service.approval_key)

    def send(self, method: str, who: Any = None, link: str = "", form: Any = None, kind: str = "") -> Any:
        parts = urlsplit(link or self.link)
        context: dict[str, Any] = {"http": {"method": method}} | ({} if who is None else {"authorizer": who})
        return self.handler(
            {
                "version": "2.0", "rawPath": parts.path, "rawQueryString": parts.query, "requestContext": context,
                "headers": {"Content-Type": kind or "application/x-www-form-urlencoded; charset=UTF-8"},
                "body": form if isinstance(form, str) else urlencode(form or {}, doseq=True),
            }
        )  # fmt: skip

    def form(self, who: Any = ROSA, **changes: Any) -> Any:
        """What the page's own form would send."""
        shown = self.send("GET", who)["body"]
        token = re.search(r'name="token" value="(\w+)"', shown)
        ids = re.findall(r'name="action" value="(\w+)"', shown)
        return {"token": token[1] if token else "", "action": ids, "decision": "approve"} | changes

    def status(self) -> Status | None:
        row = self.at.service.ledger.run(self.run.run_id)
        assert row is not None
        return row.status


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, monkeypatch)


def held(path: Path) -> list[str]:
    """All that the ledger's file holds, also what lies beside it still."""
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


def test_whoever_has_the_link_sees_what_would_change_and_can_do_nothing(site: Site) -> None:
    before = held(site.at.service.ledger.path)  # type: ignore[attr-defined]  # the desk's own
    answer = site.send("GET")
    assert answer["statusCode"] == 200
    for word in ("iam_deny_user", USER, "&#34;Active&#34;", "&#34;Inactive&#34;", site.request.digest, "sign in",
                 "Proposed by ", "true positive", f"Until {site.request.expires_at:%Y-%m-%d %H:%M} UTC."):  # fmt: skip
        assert word in answer["body"], word
    assert "<form" not in answer["body"]
    assert (site.status(), site.at.calls) == (Status.AWAITING_APPROVAL, [])
    assert held(site.at.service.ledger.path) == before  # type: ignore[attr-defined]  # the desk's own


def test_a_listed_person_approves_and_the_run_ends_contained(site: Site) -> None:
    answer = site.send("POST", ROSA, form=site.form(reason="seen in the logs"))
    assert (answer["statusCode"], "contained" in answer["body"]) == (200, True)
    assert (site.status(), site.at.changes) == (Status.CONTAINED, BOTH)
    (given,) = site.at.service.ledger.answers(site.run.run_id, site.request.digest)
    assert (given.by, given.role, given.reason) == ("rosa", "owner", "seen in the logs")
    again = site.send("POST", ROSA, form=site.form())
    assert (again["statusCode"], site.at.changes) == (403, BOTH)


def test_what_is_not_ticked_is_left_out(site: Site) -> None:
    """The page then says of each action what came of it, its way back, what stays open, and the person's words in quotes."""
    came = site.send("POST", ROSA, form=site.form(action=["A2"], reason="only the key"))["body"]
    for text in (
        "done, by configuration",
        f"stanch undo {site.run.run_id} A2",
        "<td>not approved</td>",
        "Still open: ",
    ):
        assert text in came, text
    assert "<q><bdi>only the key</bdi></q>" in came
    looked = site.send("GET", ROSA)["body"]
    assert "What was asked" in looked
    assert f"stanch undo {site.run.run_id} A2" in looked
    assert (site.status(), site.at.changes) == (Status.PARTIALLY_CONTAINED, BOTH[1:])


def test_a_rejection_ends_the_run(site: Site) -> None:
    came = site.send("POST", MEI, form=site.form(MEI, decision="reject", reason="our own test"))["body"]
    assert came.count("our own test") == came.count("<q><bdi>our own test</bdi></q>") == 1
    report = site.at.service.ledger.report(site.run.run_id)
    assert (report and report.status, report and report.reason) == (Status.REJECTED, "rejected by mei: our own test")
    assert site.at.changes == []


NOBODIES = {
    "nobody": None,
    "a user of another account": iam("rosa", "444455556666"),
    "a user who is not listed": iam("eve"),
    "the user whom it is about": iam(USER),
    "a role's session under a listed name": {
        "iam": {"userArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/rosa", "accountId": ACCOUNT}
    },
    "an address that was not verified": {"jwt": {"claims": {"email": "rosa", "email_verified": "false"}}},
    "a claim of another name": {"jwt": {"claims": {"name": "rosa", "username": "rosa"}}},
    "no object": "rosa",
}


@pytest.mark.parametrize("name", NOBODIES)
def test_nobody_else_decides(site: Site, name: str) -> None:
    """Even with the token of a listed person's form."""
    form = site.form(ROSA)
    answer = site.send("POST", NOBODIES[name], form=form)
    assert (answer["statusCode"], site.status(), site.at.changes) == (403, Status.AWAITING_APPROVAL, [])


def test_who_is_named_in_the_finding_is_told_so_and_has_no_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path, monkeypatch)
    answer = site.send("POST", iam(USER), form=site.form(iam(USER)))
    assert (answer["statusCode"], "named in finding" in answer["body"]) == (403, True)
    assert site.status() is Status.AWAITING_APPROVAL


def test_a_person_signed_in_by_identity_center_or_a_verified_token_is_known() -> None:
    registry = Registry.model_validate({"people": {"Rosa@example.com": ["owner"]}})
    signed_in = f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Responder_0123456789abcdef/rosa@example.com"
    claims = {"sub": "1234", "email": "rosa@example.com", "email_verified": "true"}
    for authorizer in ({"iam": {"userArn": signed_in}}, {"jwt": {"claims": claims}}):
        assert person_of(authorizer, ACCOUNT, registry) == "rosa@example.com"
    assert person_of({"iam": {"userArn": signed_in}}, "444455556666", registry) is None
    subject = {"sub": "rosa@example.com"}
    assert person_of({"jwt": {"claims": subject}}, ACCOUNT, registry) == "rosa@example.com"
    other = subject | {"email": "mallory@example.com", "email_verified": "true"}
    assert person_of({"jwt": {"claims": other}}, ACCOUNT, registry) is None
    assert person_of({"iam": {"userArn": signed_in}}, ACCOUNT, Registry()) is None


BAD_FORMS = {
    "no token": {"token": ""},
    "the link's token": {"token": "link"},
    "somebody else's token": {"token": "mei"},
    "no decision": {"decision": ""},
    "two decisions": {"decision": ["approve", "reject"]},
    "another decision": {"decision": "edit"},
    "nothing ticked": {"action": []},
    "something that was not asked": {"action": ["A1", "A9"]},
}


@pytest.mark.parametrize("name", BAD_FORMS)
def test_a_form_that_is_not_the_page_s_own_decides_nothing(site: Site, name: str) -> None:
    changes = dict(BAD_FORMS[name])
    key = site.at.service.approval_key
    tokens = {"link": link_token(key, site.request), "mei": form_token(key, site.request, "mei")}
    changes |= {"token": tokens[changes["token"]]} if changes.get("token") else {}
    answer = site.send("POST", ROSA, form=site.form(**changes))
    assert answer["statusCode"] in (400, 403)
    assert (site.status(), site.at.changes) == (Status.AWAITING_APPROVAL, [])


def test_a_post_that_is_no_form_or_not_on_the_page_decides_nothing(site: Site) -> None:
    form, path = site.form(), f"/approvals/{site.run.run_id}"
    assert site.send("POST", ROSA, form=form, kind="application/json")["statusCode"] == 415
    assert site.send("POST", ROSA, form="%ff%fe=\udcff")["statusCode"] == 400
    assert site.send("POST", ROSA, form="reason=" + "x" * 20_000)["statusCode"] == 413
    assert site.send("DELETE", ROSA)["statusCode"] == 405
    assert site.send("GET", ROSA, link=f"/x/y/approvals/{site.run.run_id}")["statusCode"] == 404
    assert site.send("GET", link=path)["statusCode"] == 403
    assert site.send("GET", iam("eve"), link=path)["statusCode"] == 403
    assert site.send("GET", ROSA, link=path)["statusCode"] == 200
    assert site.send("GET", ROSA, link="/approvals/run-000000000000?token=0")["statusCode"] == 403
    assert (site.status(), site.at.changes) == (Status.AWAITING_APPROVAL, [])


def test_an_answer_after_the_time_changes_nothing(site: Site) -> None:
    form = site.form()
    site.at.wait(hours=2)
    assert "Its time was over" in site.send("GET", ROSA)["body"]
    assert site.send("POST", ROSA, form=form)["statusCode"] == 410
    assert (site.status(), site.at.changes) == (Status.AWAITING_APPROVAL, [])


def test_what_was_seen_is_what_is_answered(site: Site) -> None:
    """The world drifts while the page is open; the run asks for something else, and the old form and link open nothing."""
    form, old, digest = site.form(), site.link, site.request.digest
    users = site.at.sandbox.client("iam", ACCOUNT, "us-east-1")
    users.update_access_key(UserName=USER, AccessKeyId="AKIAIOSFODNN7EXAMPL1", Status="Inactive")
    site.at.say("approve", site.run, by="mei")
    assert (site.status(), site.request.digest != digest) == (Status.AWAITING_APPROVAL, True)
    assert site.send("GET", link=old)["statusCode"] == 403
    assert site.send("POST", ROSA, form=form)["statusCode"] == 403
    assert site.at.changes == ["iam:UpdateAccessKey"], "only what somebody else did"


def test_the_finding_s_words_are_quoted_and_never_markup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = event("guardduty_credential_abuse_asff")
    body["detail"]["findings"][0]["Title"] = SCRIPT
    shown = Site(tmp_path, monkeypatch, body=body).send("GET", ROSA)
    assert "<script" not in shown["body"]
    assert "<img" not in shown["body"]
    assert "\u202e" not in shown["body"]
    assert r"\u{202e}gnp.exe\u{200b}" in shown["body"]
    quoted = re.search(r"The finding says:</span> <q><bdi>(.*?)</bdi></q>", shown["body"])
    assert quoted
    assert html.unescape(quoted[1]).startswith("</q><script>")
    policy = shown["headers"]["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    for rule in ("form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert rule in policy
    assert "unsafe" not in policy
    assert shown["headers"]["referrer-policy"] == "no-referrer"
    assert shown["headers"]["cache-control"] == "no-store"


def test_the_page_asks_until_it_is_answered_and_quotes_the_playbook_as_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path, monkeypatch)
    shown = html.unescape(site.send("GET", ROSA)["body"])
    run = site.run.run_id
    assert f"<title>Stanch asks: {run}</title>" in shown
    assert site.run.answered_by.startswith("playbook")
    assert f"<bdi>{site.run.rationale}" not in shown
    assert f"confidence):</span> {site.run.rationale}</p>" in shown
    assert "unless A1 is done too" in shown
    assert "sign-ins stop working" not in shown
    site.send("POST", ROSA, form=site.form())
    assert f"<title>Stanch asked: {run}</title>" in site.send("GET", ROSA)["body"]


def test_two_people_are_needed_where_policy_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path, monkeypatch, also=TWO_PEOPLE)
    first = site.send("POST", ROSA, form=site.form())
    assert (first["statusCode"], "1 so far" in first["body"], site.at.changes) == (200, True, [])
    assert "Approved: A1, A2, by <b>rosa</b>" in site.send("GET", ROSA)["body"]
    assert "1 so far" in site.send("POST", ROSA, form=site.form())["body"]
    site.send("POST", MEI, form=site.form(MEI))
    assert (site.status(), site.at.changes) == (Status.CONTAINED, BOTH)


def test_the_message_to_people_names_actions_and_the_link_and_quotes_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = event("guardduty_credential_abuse_asff")
    body["detail"]["findings"][0]["Title"] = SCRIPT
    site = Site(tmp_path, monkeypatch, body=body)
    text = message(site.request, site.run, "https://approvals.example.com/", site.at.service.approval_key)
    assert f"A1 iam_deny_user on {USER}" in text
    assert text.splitlines()[-1] == f"Look and answer: {site.link}"
    assert "script" not in text


def test_the_message_to_people_has_one_link_whatever_they_are_called_whom_it_is_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path, monkeypatch)
    target = {"kind": "user", "id": "stanch-approvals.example.com", "account": "111122223333", "region": "aws-global"}
    action = site.request.actions[0]
    change = action.change.model_copy(update={"target": Target.model_validate(target)})
    asked = site.request.model_copy(update={"actions": [action.model_copy(update={"change": change})]})
    text = message(asked, site.run, "https://approvals.example.com/", site.at.service.approval_key)
    assert "stanch-approvals[.]example[.]com" in text
    assert [line for line in text.splitlines() if ".example" in line or "://" in line] == [
        f"Look and answer: {site.link}"
    ]
