"""The versions in the model package group: which one is approved, newest first."""

from dataclasses import dataclass
from typing import Any

VARIANT = "AllTraffic"
"""The one variant of an endpoint that serves a version."""


@dataclass(frozen=True)
class Package:
    """One version in the model package group."""

    arn: str
    model_data: str
    """The S3 address of its model.tar.gz."""


@dataclass(frozen=True)
class Version:
    """A version in the group, as its list shows it."""

    arn: str
    status: str
    """Approved, Rejected or PendingManualApproval."""


def versions_by_run(sagemaker: Any, group: str) -> dict[str, list[Version]]:
    """Every version of the group under the run that trained it, the newest first."""
    found: dict[str, list[Version]] = {}
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
    )
    for page in pages:
        for one in page["ModelPackageSummaryList"]:
            described = sagemaker.describe_model_package(ModelPackageName=one["ModelPackageArn"])
            run = described.get("CustomerMetadataProperties", {}).get("run", "")
            found.setdefault(run, []).append(Version(one["ModelPackageArn"], one["ModelApprovalStatus"]))
    return found


def champion_of(sagemaker: Any, group: str) -> Package | None:
    """The newest approved model of the group, or None. `sagemaker` is boto3's client."""
    found = sagemaker.list_model_packages(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved", SortBy="CreationTime", SortOrder="Descending", MaxResults=1
    )["ModelPackageSummaryList"]
    if not found:
        return None
    arn = found[0]["ModelPackageArn"]
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    return Package(arn, described["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])
