"""The local IAM decides as AWS does, and what it can't decide it refuses to read."""

from typing import Any

import pytest

from local.iam.policies import Need, allowed, read_policy
from politico.errors import FileFormatError
from tests.support.iam_cases import VERDICTS, cases

ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/*"}


def test_random_policies_are_judged_as_by_another_simulator() -> None:
    assert VERDICTS.count("1") > len(VERDICTS) / 4
    for one, verdict in zip(cases(), VERDICTS, strict=True):
        context = {name.lower(): value for name, value in one["context"].items()}
        need = Need(one["action"], one["resource"], context)
        assert allowed(read_policy({"Statement": one["statements"]}), need) is (verdict == "1"), one


def test_without_a_statement_nothing_is_allowed() -> None:
    assert not allowed((), Need("s3:GetObject", "arn:aws:s3:::lake/a"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Condition": {"NumericLessThan": {"s3:max-keys": "10"}}}, "the operator NumericLessThan"),
        ({"Condition": {"ForAnyValue:StringLike": {"aws:TagKeys": "a"}}}, "the operator ForAnyValue:StringLike"),
        ({"Resource": "arn:aws:s3:::lake/${aws:username}"}, "has a variable"),
        ({"Resource": "lake/*"}, "which is no ARN"),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}, "names principals"),
        ({"NotPrincipal": "*"}, "has NotPrincipal"),
    ],
)
def test_what_the_local_iam_does_not_know_is_an_error_and_not_a_guess(change: dict[str, Any], said: str) -> None:
    with pytest.raises(FileFormatError, match=said):
        read_policy({"Statement": [{**ALLOW, **change}]})
