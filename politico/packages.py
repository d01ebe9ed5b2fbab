"""The registered models: which one is approved, newest first."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Package:
    """One version in the model package group."""

    arn: str
    model_data: str
    """The S3 address of its model.tar.gz."""


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
