"""Several trials of one case: how often it passes, and what that says of k tries."""

from math import comb

from agent.record import Record


class CaseTrials(Record):
    """One case over its trials."""

    id: str
    passed: int
    trials: int


class TrialScore(Record):
    """All cases over their trials."""

    trials: int
    cases: list[CaseTrials]
    pass_at: dict[int, float]
    """For each k: the mean chance over cases that at least one of k tries passes."""
    pass_all: dict[int, float]
    """For each k, pass^k: the mean chance over cases that every one of k tries passes."""

    @property
    def wavered(self) -> list[CaseTrials]:
        """Cases that pass in some trials and not in others."""
        return [case for case in self.cases if 0 < case.passed < case.trials]

    @classmethod
    def of(cls, ended: list[tuple[str, bool]], trials: int) -> "TrialScore":
        """Sum up ids and whether each try passed; both chances are the unbiased estimates from the trials that there were."""
        passed: dict[str, list[bool]] = {}
        for name, ok in ended:
            passed.setdefault(name, []).append(ok)
        cases = [CaseTrials(id=name, passed=sum(oks), trials=len(oks)) for name, oks in passed.items()]
        tried = [case for case in cases if case.trials == trials]
        return cls(
            trials=trials,
            cases=cases,
            pass_at={k: _mean([pass_at(case, k) for case in tried]) for k in range(1, trials + 1)},
            pass_all={k: _mean([pass_all(case, k) for case in tried]) for k in range(1, trials + 1)},
        )


def pass_at(case: CaseTrials, k: int) -> float:
    """The chance that at least one of k of its trials, drawn without looking, passed."""
    return 1 - comb(case.trials - case.passed, k) / comb(case.trials, k)


def pass_all(case: CaseTrials, k: int) -> float:
    """The chance that all of k of its trials, drawn without looking, passed."""
    return comb(case.passed, k) / comb(case.trials, k)


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 4) if values else 0.0
