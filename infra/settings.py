"""The deployer's choices, from `cdk.json` ("context": {"settings": {...}}) or `cdk synth -c NAME=VALUE`."""

import re
from dataclasses import dataclass

from politico.errors import LimitError

_ENDPOINT_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,36}")
"""SageMaker's pattern, and short enough for a candidate's name: NAME-candidate-DIGEST has at most 63 characters."""


@dataclass(frozen=True)
class Settings:
    """What may differ from one deployment to the next."""

    stack_name: str = "Politico"
    endpoint_name: str = "politico"
    """The SageMaker endpoint that apps call."""
    model_group: str = "politico"
    """The model package group that holds every version."""
    schedule: str = "cron(30 4 * * ? *)"
    """When ingestion runs, in the time zone below; only once X's terms are acknowledged."""
    time_zone: str = "America/Santiago"
    x_secret_name: str = "politico/x-bearer-token"
    """The Secrets Manager secret that the operator made; never its value."""
    x_monthly_cap: int = 100_000
    """Posts that may be read from X in a calendar month, over all accounts (about $0.005 each)."""
    annotation_concurrency: int = 4
    """Accounts annotated at once; Comprehend's own limit is what matters."""
    training_image: str = "huggingface-pytorch-training:2.9.0-transformers5.3.0-gpu-py312-cu130-ubuntu22.04"
    """Repository and tag among AWS's Deep Learning Containers, in the deployment's region."""
    training_image_account: str = "763104351884"
    """The account that publishes them; a few regions have their own."""
    training_instance: str = "ml.g5.12xlarge"
    training_hours: int = 24
    """A training job is stopped after this long; waiting for spot capacity not counted."""
    spot_wait_hours: int = 24
    """How long a job may wait for spot capacity, on top."""
    processing_instance: str = "ml.m5.2xlarge"
    """For the corpus and the evaluation."""
    serving_instance: str = "ml.c7i.xlarge"
    serving_image: str = ""
    """Address of an image built from inference/Dockerfile; empty: `cdk deploy` builds it (needs Docker)."""
    pandas_layer_account: str = "336392948345"
    """Publishes AWS's layer with pandas and pyarrow."""
    pandas_layer: str = "AWSSDKPandas-Python312:26"
    """Its name and version; versions differ by region."""

    def __post_init__(self) -> None:
        if not _ENDPOINT_NAME.fullmatch(self.endpoint_name):
            raise LimitError(
                f"endpoint_name is {self.endpoint_name!r}; it takes letters, digits and inner hyphens, at most 37 characters"
            )
        if self.x_monthly_cap < 0:
            raise LimitError(f"x_monthly_cap is {self.x_monthly_cap}; it takes 0 or more")
        if not 1 <= self.training_hours <= 28 * 24:
            raise LimitError(f"training_hours is {self.training_hours}; SageMaker takes 1 to 672")
        if self.spot_wait_hours < 0:
            raise LimitError(f"spot_wait_hours is {self.spot_wait_hours}; it takes 0 or more")
