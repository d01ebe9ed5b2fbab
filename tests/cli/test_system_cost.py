"""What training and serving cost: hours times machines times prices, and nothing made up for a machine that is not known."""

import pytest

from cli.deployment.system_cost import THESIS_GPU_HOURS, estimate
from infra.settings import Settings
from politico.cost.prices import MACHINES
from politico.errors import UnknownValueError

PRICES = {"ml.p3.8xlarge": 10.0, "ml.g5.12xlarge": 5.0, "ml.m5.2xlarge": 0.5, "ml.c7i.xlarge": 0.2, "ml.p4d.24xlarge": 30.0}


def test_a_run_is_its_machines_hours_on_spot_and_the_thesiss_what_it_took() -> None:
    settings = Settings(training_instances=2, training_instance="ml.p4d.24xlarge", serving_instances=2, serving_most_instances=3)
    thesis, run, prepared, rest, load = estimate(settings, 10.0, PRICES)
    assert thesis.hours * 4 == pytest.approx(THESIS_GPU_HOURS)
    assert thesis.dollars == pytest.approx(thesis.hours * 10)
    assert run.dollars == pytest.approx(10 * 2 * 30 * MACHINES.spot_share)
    assert prepared.dollars == pytest.approx(prepared.hours * 0.5)
    assert rest.hours == load.hours == 730
    assert rest.dollars == pytest.approx(2 * 730 * 0.2)
    assert load.dollars == pytest.approx(3 * 730 * 0.2)


def test_without_hours_a_run_is_as_long_as_it_may_be_and_says_so() -> None:
    _thesis, run, *_ = estimate(Settings(training_hours=12), None, PRICES)
    assert (run.hours, "at most" in run.note) == (24, True)


def test_a_machine_whose_price_nobody_knows_is_asked_for() -> None:
    with pytest.raises(UnknownValueError, match=r"--price ml\.g6\.12xlarge=…"):
        estimate(Settings(training_instance="ml.g6.12xlarge"), 1.0, PRICES)


def test_the_settings_defaults_have_known_prices() -> None:
    assert len(estimate(Settings(), None, dict(MACHINES.hours))) == 5
