"""Full logs of AWS WAF in a world: requests in shorthand, written out as true records."""

import json
from datetime import timedelta
from hashlib import sha256
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, IPvAnyAddress

from agent.record import JsonObject, Record
from tools.sandbox.seeding import log_lines
from tools.sandbox.seeding.merge import merged
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.when import When, resolve


class Acl(NamedTuple):
    """The web ACL that looked at the requests."""

    name: str
    arn: str
    scope: str
    sources: tuple[str, ...]
    """ARNs of what it stands in front of."""


class Request(Record):
    """One web request, or `count` of them a second apart, the last at `at`. `raw` is laid over the record last."""

    at: When
    address: IPvAnyAddress
    """The connection's source."""
    web_acl: str | None = None
    uri: str = "/"
    args: str = ""
    method: str = "GET"
    host: str = "www.example.com"
    country: str = "US"
    headers: dict[str, str] = {}
    """Besides Host and User-Agent: X-Forwarded-For, Via ..."""
    agent: str = "Mozilla/5.0"
    action: Literal["allow", "block", "count"] = "allow"
    """`count`: allowed, but `rule` matched and counted it."""
    rule: str | None = None
    """The rule that matched; for allow none is the default action."""
    count: Annotated[int, Field(ge=1, le=20000)] = 1
    raw: JsonObject = {}


def seed(place: Place, destination: str, acl: Acl, requests: list[Request]) -> None:
    """Let the web ACL log to the log group (or to the destination with that ARN), with the requests in it."""
    arn = destination
    if not destination.startswith("arn:"):
        arn = f"arn:{place.partition}:logs:{place.region}:{place.account}:log-group:{destination}"
        stream = f"{'cloudfront' if acl.scope == 'CLOUDFRONT' else place.region}_{acl.name}_0"
        log_lines.write(place, destination, stream, lines(place, acl, requests))
    place.client("wafv2").put_logging_configuration(
        LoggingConfiguration={"ResourceArn": acl.arn, "LogDestinationConfigs": [arn]}
    )


def lines(place: Place, acl: Acl, requests: list[Request]) -> list[tuple[int, str]]:
    """Every request as (milliseconds, record), oldest first."""
    written = []
    for position, request in enumerate(requests):
        for repeat in range(request.count):
            at = int((resolve(request.at, place.now) - timedelta(seconds=repeat)).timestamp() * 1000)
            written.append((at, json.dumps(_record(place, acl, request, at, f"{position} {repeat}"))))
    return sorted(written)


def _record(place: Place, acl: Acl, request: Request, at: int, nonce: str) -> JsonObject:
    matched = request.rule or "rule"
    counted: JsonObject = {"ruleId": matched, "action": "COUNT", "ruleMatchDetails": []}
    terminating = request.action != "count" and (request.action == "block" or request.rule is not None)
    record: JsonObject = {
        "timestamp": at,
        "formatVersion": 1,
        "webaclId": acl.arn,
        "terminatingRuleId": matched if terminating else "Default_Action",
        "terminatingRuleType": "REGULAR",
        "action": "BLOCK" if request.action == "block" else "ALLOW",
        "terminatingRuleMatchDetails": [],
        "httpSourceName": "CF" if acl.scope == "CLOUDFRONT" else "ALB",
        "httpSourceId": _source(place, acl),
        "ruleGroupList": [],
        "rateBasedRuleList": [],
        "nonTerminatingMatchingRules": [counted] if request.action == "count" else [],
        "requestHeadersInserted": None,
        "responseCodeSent": None,
        "httpRequest": {
            "clientIp": str(request.address),
            "country": request.country,
            "headers": [{"name": name, "value": value} for name, value in _headers(request).items()],
            "uri": request.uri,
            "args": request.args,
            "httpVersion": "HTTP/1.1",
            "httpMethod": request.method,
            "requestId": sha256(f"{acl.arn} {at} {nonce}".encode()).hexdigest()[:32],
        },
        "labels": [],
    }
    return merged(record, request.raw)


def _headers(request: Request) -> dict[str, str]:
    return {"Host": request.host, "User-Agent": request.agent} | request.headers


def _source(place: Place, acl: Acl) -> str:
    """A distribution's id, or the load balancer as `111122223333-app/name/id`."""
    if not acl.sources:
        return f"{place.account}-app/gone/0000000000000000"
    kind, _, rest = acl.sources[0].rpartition(":")[2].partition("/")
    return rest if kind == "distribution" else f"{place.account}-{rest}"
