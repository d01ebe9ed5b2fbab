"""SageMaker's quotas: how many machines of a type the account may run at a time, for each use. Most begin at 0."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

SERVICE = "sagemaker"


@dataclass(frozen=True)
class Shortage:
    """A quota that is below what is needed."""

    quota: str
    """As Service Quotas names it."""
    code: str
    allowed: float
    needed: int

    def __str__(self) -> str:
        return (
            f'the account may have {self.allowed:g} of "{self.quota}", and {self.needed} are needed; ask for more: '
            f"aws service-quotas request-service-quota-increase --service-code {SERVICE} --quota-code {self.code} "
            f"--desired-value {self.needed}"
        )


def of_jobs(training: tuple[str, int], processing: str) -> dict[str, int]:
    """What a training run needs, by the quotas' names: machines of a type that train on spot, and one that prepares and
    evaluates."""
    instance, count = training
    return {f"{instance} for spot training job usage": count, f"{processing} for processing job usage": 1}


def of_endpoint(instance: str, at_rest: int, most: int) -> dict[str, int]:
    """What serving needs: at an update the old machines and the new ones, and those of a candidate before."""
    return {f"{instance} for endpoint usage": max(2 * most, most + at_rest)}


def shortages(quotas: Any, needed: Mapping[str, int]) -> list[Shortage] | None:
    """Those of the quotas that are too low; None where they can't be read. `quotas` is boto3's client of Service Quotas.

    Nothing is said of one that is not listed: Service Quotas leaves out those whose value it does not have.
    """
    try:
        there = {one["QuotaName"]: one for one in _all(quotas)}
    except (ClientError, BotoCoreError):
        return None
    if not there:
        return None
    return [
        Shortage(name, there[name]["QuotaCode"], there[name]["Value"], count)
        for name, count in needed.items()
        if name in there and there[name]["Value"] < count
    ]


def _all(quotas: Any) -> Iterator[dict[str, Any]]:
    for page in quotas.get_paginator("list_service_quotas").paginate(ServiceCode=SERVICE):
        yield from page["Quotas"]
