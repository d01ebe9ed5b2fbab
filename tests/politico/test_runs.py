"""Names of runs: short, in order of time, the same again, and fit for every AWS name."""

import re
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from politico.runs import digest, run_id


@given(st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)), st.none() | st.text(max_size=90))
def test_a_run_id_fits_every_job_name_and_is_the_same_again(started: datetime, execution: str | None) -> None:
    run = run_id(started, execution)
    assert run_id(started, execution) == run
    assert run.endswith(f"-{digest(execution)}")
    for stage in ("corpus", "base", "control", "evaluation"):
        name = f"{run}-{stage}-99"
        assert len(name) <= 63
        assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name)


def test_run_ids_sort_by_time_and_tell_two_executions_of_one_second_apart() -> None:
    noon = datetime(2024, 11, 30, 12, tzinfo=UTC)
    assert run_id(noon, None) == "20241130-120000-e3b0c442"
    assert run_id(noon, "a") != run_id(noon, "b")
    later = datetime(2024, 11, 30, 9, 0, 1, tzinfo=timezone(timedelta(hours=-3)))
    assert run_id(noon, "z") < run_id(later, "a")
