"""A ledger and a model that count what is asked of them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from agent.plan import Case
from graphs.service import Asked, Model, NotAnswered, Service
from tools.ledger import Ledger


class CountingLedger:
    """A ledger that counts what is asked of it, by method."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._ledger, name)

        def counted(*given: Any, **named: Any) -> Any:
            self.asked[name] += 1
            return method(*given, **named)

        return counted


class CountingModel:
    """A model that counts its questions."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.asked = 0

    def ask(self, case: Case) -> Asked | NotAnswered:
        """Count, and ask."""
        self.asked += 1
        return self._model.ask(case)


def counting(service: Service) -> tuple[Service, CountingLedger, CountingModel]:
    """The same service with both counted."""
    ledger, model = CountingLedger(service.ledger), CountingModel(service.model)
    return replace(service, ledger=cast(Ledger, ledger), model=model), ledger, model
