"""Clients whose answers hold a word wherever somebody else could have written one."""

import json
from collections.abc import Callable
from typing import Any

from everywhere import steps

from evals.string_paths import ANSWERS, Writer, kept
from tools.aws import Clients

_WITHIN = ("userAgent", "errorMessage", "requestParameters", "responseElements", "additionalEventData", "resources")
"""Fields of a CloudTrail record that hold what the caller sent."""
_NO_CALL = ("can_paginate", "get_paginator", "meta", "exceptions")


class Planted(Clients):
    """Clients that put a word after each string of an answer that an attacker may have written."""

    paced = False

    def __init__(self, clients: Clients, word: str) -> None:
        self._clients, self._word = clients, word
        self.planted = 0
        self._ways: dict[str, list[list[str]]] = {}
        for path, writer in kept(ANSWERS).items():
            call, _, way = path.partition(" ")
            if writer is Writer.ATTACKER:
                self._ways.setdefault(call, []).append(steps(way))

    def client(self, service: str, account: str, region: str) -> Any:
        """A client that plants."""
        return _Planting(self._clients.client(service, account, region), service, self)

    def anonymous(self, service: str, region: str) -> Any:
        """A client that plants, and signs nothing."""
        return _Planting(self._clients.anonymous(service, region), service, self)

    def plant(self, call: str, answer: Any) -> Any:
        """The answer with the word in it."""
        for way in self._ways.get(call, []):
            answer = at(answer, way, self._written)
        return answer

    def _written(self, text: str) -> str:
        self.planted += 1
        try:
            record = json.loads(text)
        except ValueError:
            return text + self._word
        if not isinstance(record, dict):
            return text + self._word
        return json.dumps(
            {name: _in(value, self._word) if name in _WITHIN else value for name, value in record.items()}
        )


class _Planting:
    def __init__(self, client: Any, service: str, planted: Planted) -> None:
        self._client, self._service, self._planted = client, service, planted

    def __getattr__(self, operation: str) -> Any:
        found = getattr(self._client, operation)
        if operation in _NO_CALL:
            return found
        name = self._client.meta.method_to_api_mapping[operation]

        def call(**params: Any) -> Any:
            return self._planted.plant(f"{self._service}:{name}", found(**params))

        return call


def at(value: Any, way: list[str], change: Callable[[str], str]) -> Any:
    """The value with what stands at the end of the way changed, where it is a string."""
    if not way:
        return change(value) if isinstance(value, str) else value
    step, rest = way[0], way[1:]
    if isinstance(value, list) and step == "[]":
        return [at(each, rest, change) for each in value]
    if isinstance(value, dict) and step == "{}":
        return {change(name): inner for name, inner in value.items()}
    if isinstance(value, dict) and step == "*":
        return {name: at(inner, rest, change) for name, inner in value.items()}
    if isinstance(value, dict) and step in value:
        return {**value, step: at(value[step], rest, change)}
    return value


def _in(value: Any, word: str) -> Any:
    if isinstance(value, str):
        return value + word
    if isinstance(value, list):
        return [_in(each, word) for each in value]
    return {**value, f"c4n4ry{word}": word} if isinstance(value, dict) else value
