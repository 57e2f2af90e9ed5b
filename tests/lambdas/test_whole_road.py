"""From the event to the containment, each step in a process of its own, seen from outside with the plain AWS CLI."""

import html
import json
import re
from typing import Any
from urllib.parse import urlencode, urlsplit

from agent.report import Status
from tests.lambdas import scene
from tests.lambdas.deployment import Deployment, until
from tests.lambdas.runtime import ACCOUNT

USER = 8
ROSA = {"iam": {"userArn": f"arn:aws:iam::{ACCOUNT}:user/rosa", "accountId": ACCOUNT}}


def page(at: Deployment, method: str, link: str, authorizer: Any = None, form: Any = None) -> tuple[int, str]:
    """A request to the approvals function, as a function URL hands it over."""
    parts = urlsplit(link)
    context: dict[str, Any] = {"http": {"method": method, "path": parts.path}}
    if authorizer is not None:
        context["authorizer"] = authorizer
    payload = {
        "version": "2.0", "rawPath": parts.path, "rawQueryString": parts.query, "requestContext": context,
        "headers": {"content-type": "application/x-www-form-urlencoded"}, "isBase64Encoded": False,
        "body": urlencode(form or {}, doseq=True),
    }  # fmt: skip
    answer = at.functions["approvals"].invoke(payload)
    return answer["statusCode"], answer["body"]


def key_status(at: Deployment) -> str:
    keys = at.aws("iam", "list-access-keys", "--user-name", scene.user(USER))
    return str(keys["AccessKeyMetadata"][0]["Status"])


def told(at: Deployment, run_id: str) -> str:
    """The message about that run that people got on the topic."""

    def read() -> str | None:
        answer = at.client("sqs").receive_message(QueueUrl=at.queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
        texts = [message["Body"] for message in answer.get("Messages", [])]
        return next((text for text in texts if run_id in text), None)

    return str(until(read))


def test_an_event_ends_contained_once_a_person_approved_it_on_the_page(at: Deployment) -> None:
    (report,) = at.functions["events"].invoke(scene.event(USER))
    assert (report["status"], key_status(at)) == ("awaiting_approval", "Active")
    message = told(at, report["run_id"])
    link = message.split("Look and answer: ")[1]
    seen = [(row.run_id, row.updated_at) for row in at.ledger.runs()]
    assert page(at, "GET", link)[0] == 403, (
        "the function that speaks to the model cannot make links that open by themselves"
    )
    status, shown = page(at, "GET", link, ROSA)
    token = re.search(r'name="token" value="([0-9a-f]+)"', shown)
    assert (status, bool(token)) == (200, True)
    assert [(row.run_id, row.updated_at) for row in at.ledger.runs()] == seen
    form = {"decision": "approve", "action": re.findall(r'name="action" value="(A\d)"', shown), "token": token[1]}
    assert page(at, "POST", link, None, form)[0] == 403
    assert page(at, "POST", link, ROSA, form)[0] == 200
    done = at.ended(USER)
    assert (done.status, done.approvals[0].by) == (Status.CONTAINED, "rosa"), done.reason
    assert ("execute", {"run": done.run_id}) in at.lambdas.invoked
    assert key_status(at) == "Inactive"
    assert at.aws("iam", "list-user-policies", "--user-name", scene.user(USER))["PolicyNames"]
    wanted = json.dumps({"Id": [{"Value": scene.event(USER)["detail"]["findings"][0]["Id"], "Comparison": "EQUALS"}]})
    (finding,) = at.aws("securityhub", "get-findings", "--filters", wanted)["Findings"]
    assert (finding["Workflow"]["Status"], done.run_id in finding["Note"]["Text"]) == ("NOTIFIED", True)
    assert "Nothing is asked any more" in html.unescape(page(at, "GET", link, ROSA)[1])
