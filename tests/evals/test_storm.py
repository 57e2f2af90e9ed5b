"""A storm of deliveries opens one run for each finding, and each further delivery costs one read of the ledger."""

from evals.bench.storm import storm


def test_a_thousand_deliveries_of_ten_findings_are_ten_runs_and_cost_one_read_each() -> None:
    figures, goals = storm(1_000)
    assert {figure.name: figure.value for figure in figures}["a storm: runs"] == 10
    assert [(goal.name, goal.value, goal.limit) for goal in goals if not goal.met] == []
