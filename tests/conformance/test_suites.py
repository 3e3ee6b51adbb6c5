import pytest

from zoo.bench.plan import make_plan
from zoo.bench.suite import load_suite, suites


@pytest.mark.parametrize("name", suites())
def test_a_suite_can_be_planned(name):
    plan = make_plan(load_suite(name))
    assert len({str(job.key) for job in plan.jobs}) == len(plan.jobs) > 0


def test_the_quick_suite_is_as_large_as_it_claims():
    suite = load_suite("quick")
    assert len(suite.datasets) >= 6
    assert len(suite.models) >= 12
    assert len(suite.sizes) >= 4
    assert suite.replicates >= 3
