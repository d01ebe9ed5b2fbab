"""The deployer's choices, from `cdk.json` ("context": {"settings": {...}}) or `cdk synth -c NAME=VALUE`."""

import re
from dataclasses import dataclass

from politico.annotation.pace import HIGHEST_RATE
from politico.errors import LimitError

_ORIGIN = re.compile(r"\*|https?://[A-Za-z0-9.-]+(:\d+)?")
_STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_KEY = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
_ENDPOINT_NAME = re.compile(r"[a-z0-9](-*[a-z0-9]){0,36}")
"""SageMaker's pattern, without capitals, which its ARNs have not; short enough for NAME-candidate-DIGEST in 63 characters."""

ECR_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<repository>[a-z0-9._/-]+)[:@][\w.:-]+"
)
"""The address of an image in ECR."""

_FOLDER = re.compile(r"[a-z0-9][a-z0-9._-]*/")

MOST_INSTANCES = 100
MOST_GIGABYTES = 16_384

_AT_LEAST = {
    "x_monthly_cap": 0,
    "x_lookups_a_day": 0,
    "spot_wait_hours": 0,
    "monthly_budget": 0,
    "serving_requests_a_minute": 1,
    "api_requests_a_second": 1,
    "api_requests_a_day": 1,
    "page_tweets_a_day": 0,
    "page_tweets_a_second": 1,
}
LONGEST_LATE_HOURS = 7 * 24
"""Each run buys the posts of so many hours again: more would be a mistake."""
LONGEST_LAG_HOURS = 7 * 24
"""What an alarm's periods may add up to, when each is an hour or longer."""


@dataclass(frozen=True)
class Settings:
    """What may differ from one deployment to the next."""

    stack_name: str = "Politico"
    """Two stacks in one account and region need two; what must have a name of its own there follows from it."""
    endpoint_name: str = ""
    """The SageMaker endpoint that apps call; empty: the stack's name in small letters."""
    model_group: str = ""
    """The model package group that holds every version; empty: the stack's name in small letters."""
    termination_protection: bool = True
    """Whether CloudFormation refuses to delete the stack until that is lifted."""
    monthly_budget: int = 500
    """US dollars a month that the account may cost before somebody is told; 0: no budget is made."""
    kms_key: str = ""
    """Address of a KMS key for the lake and the ledger; empty: keys of AWS's own. Machines' disks have AWS's in any case: most
    machines with GPUs have disks that take no other."""
    schedule: str = "cron(30 4 * * ? *)"
    """When ingestion runs, in the time zone below; only once X's terms are acknowledged."""
    time_zone: str = "America/Santiago"
    x_secret_name: str = "politico/x-bearer-token"
    """The Secrets Manager secret that the operator made; never its value."""
    x_monthly_cap: int = 100_000
    """Posts that may be read from X in a calendar month, over all accounts (about $0.005 each)."""
    x_exclude_retweets: bool = False
    """Have X leave retweets out of timelines: none is kept, and those left out cost nothing. Quotes X can't leave out."""
    x_late_hours: float = 3.0
    """X shows some posts hours after they were written: those of so many hours before a run are read again by the next, and paid
    again."""
    compliance_schedule: str = "cron(0 2 * * ? *)"
    """When what X has deleted is looked for and removed; X gives 24 hours."""
    x_lookups_a_day: int = 500
    """Stored posts that are looked up in turn each day, paid and under the same cap; compliance jobs cover all of them, where
    the X plan has those."""
    annotation_concurrency: int = 4
    """Parts of a run annotated at once, all under the rate below."""
    comprehend_rate: float = 20.0
    """Requests to Comprehend a second, over all of them together; below the account's quota."""
    training_image: str = "huggingface-pytorch-training:2.9.0-transformers5.3.0-gpu-py312-cu130-ubuntu22.04"
    """Repository and tag among AWS's Deep Learning Containers, in the deployment's region."""
    training_image_account: str = "763104351884"
    """The account that publishes them; a few regions have their own."""
    training_instance: str = "ml.g5.12xlarge"
    training_instances: int = 1
    """Machines of this type that train together."""
    training_gigabytes: int = 100
    """Room on each of them for the code, the data and the checkpoints."""
    training_wheels: str = ""
    """A folder in the lake, such as `wheels/`, with what training/requirements.txt asks for; empty: from PyPI as a job begins."""
    training_hours: int = 24
    """A training job is stopped after this long; waiting for spot capacity not counted."""
    spot_wait_hours: int = 24
    """How long a job may wait for spot capacity, on top."""
    processing_instance: str = "ml.m5.2xlarge"
    """For the corpus and the evaluation."""
    processing_gigabytes: int = 100
    serving_instance: str = "ml.c7i.xlarge"
    serving_image: str = ""
    """Address in ECR of an image built from inference/Dockerfile; empty: `cdk deploy` builds it (needs Docker)."""
    torch_index: str = ""
    """Address of a package index that has torch for CPUs alone, for building the image; empty: PyPI, whose torch brings CUDA."""
    serving_instances: int = 1
    """Machines of the endpoint at rest."""
    serving_most_instances: int = 2
    """Machines under load, at most; no more than at rest: it does not scale."""
    serving_requests_a_minute: int = 60
    """Requests a minute and machine that are aimed at: more machines come above, fewer are left below."""
    serving_watermark: bool = True
    """Whether what the endpoint draws carries its model's watermark, which `politico detect` looks for."""
    data_capture_percent: int = 0
    """Share of the requests and answers that SageMaker keeps in the lake; they hold what apps asked for."""
    api_requests_a_second: int = 5
    """What one key of the REST API may ask for at a time; API Gateway answers more with 429."""
    api_requests_a_day: int = 1_000
    """And in a day."""
    api_origin: str = ""
    """The web origin, such as https://example.org, whose pages may call the API from a browser; `*` for any; empty: none."""
    page_tweets_a_day: int = 0
    """Tweets that the public page writes in a day (UTC), for all its visitors together; 0: there is no page."""
    page_tweets_a_second: int = 1
    """And at a time; API Gateway answers more with 429."""
    latency_alarm_seconds: float = 20.0
    """An answer in ten that takes longer raises an alarm."""
    pandas_layer_account: str = "336392948345"
    """Publishes AWS's layer with pandas and pyarrow."""
    pandas_layer: str = "AWSSDKPandas-Python312:26"
    """Its name and version; versions differ by region."""
    powertools_layer_account: str = "017000801446"
    """Publishes AWS's layer with Powertools and the X-Ray SDK; China's regions have their own."""
    powertools_layer: str = "AWSLambdaPowertoolsPythonV3-python312-x86_64:27"
    """Its name and version. With the layer above it must stay under Lambda's 250 MB: about 204 and 35 MB, unzipped."""
    lag_hours: int = 30
    """A scheduled workflow that did not succeed for so long raises an alarm: a day, and slack for a run that takes longer."""
    spending_alarm_percent: float = 80.0
    """The share of the monthly cap from which an alarm is raised."""

    def __post_init__(self) -> None:
        if not _STACK_NAME.fullmatch(self.stack_name):
            raise LimitError(f"stack_name is {self.stack_name!r}; it takes letters, digits and hyphens, a letter first")
        for name in ("endpoint_name", "model_group"):
            if not getattr(self, name):
                object.__setattr__(self, name, self.stack_name.lower().rstrip("-"))
        if not _ENDPOINT_NAME.fullmatch(self.endpoint_name):
            raise LimitError(
                f"endpoint_name is {self.endpoint_name!r}; it takes small letters, digits and inner hyphens, at most 37"
            )
        if not _ENDPOINT_NAME.fullmatch(self.model_group):
            raise LimitError(f"model_group is {self.model_group!r}; it takes small letters, digits and inner hyphens, at most 37")
        if self.kms_key and not _KEY.fullmatch(self.kms_key):
            raise LimitError(f"kms_key is {self.kms_key!r}; it takes arn:aws:kms:REGION:ACCOUNT:key/ID")
        if not 1 <= self.serving_instances <= self.serving_most_instances:
            raise LimitError(
                f"serving_instances is {self.serving_instances}, serving_most_instances {self.serving_most_instances}; "
                "they take 1 or more, and no more at rest than under load"
            )
        if not 0 <= self.data_capture_percent <= 100:
            raise LimitError(f"data_capture_percent is {self.data_capture_percent}; it takes 0 to 100")
        if self.api_origin and not _ORIGIN.fullmatch(self.api_origin):
            raise LimitError(f"api_origin is {self.api_origin!r}; it takes *, or an origin such as https://example.org")
        if self.latency_alarm_seconds <= 0:
            raise LimitError(f"latency_alarm_seconds is {self.latency_alarm_seconds}; it takes more than 0")
        if self.serving_image and not ECR_IMAGE.fullmatch(self.serving_image):
            raise LimitError(
                f"serving_image is {self.serving_image!r}; it takes ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG, for "
                "SageMaker pulls from ECR alone"
            )
        if not 0 < self.comprehend_rate <= HIGHEST_RATE:
            raise LimitError(f"comprehend_rate is {self.comprehend_rate}; it takes more than 0 and at most {HIGHEST_RATE}")
        if self.comprehend_rate < 2 * self.annotation_concurrency:  # 1,200 requests a part, 15 minutes a function
            raise LimitError(
                f"comprehend_rate is {self.comprehend_rate} for an annotation_concurrency of {self.annotation_concurrency}; "
                "it takes at least twice that, or a part outlasts a function's 15 minutes: lower one or raise the other"
            )
        if not 0 <= self.x_late_hours <= LONGEST_LATE_HOURS:
            raise LimitError(f"x_late_hours is {self.x_late_hours}; it takes 0 to {LONGEST_LATE_HOURS}")
        if not 1 <= self.lag_hours <= LONGEST_LAG_HOURS:
            raise LimitError(f"lag_hours is {self.lag_hours}; CloudWatch looks back 1 to {LONGEST_LAG_HOURS} hours")
        if not 0 < self.spending_alarm_percent <= 100:
            raise LimitError(f"spending_alarm_percent is {self.spending_alarm_percent}; it takes more than 0 and at most 100")
        if not 1 <= self.training_instances <= MOST_INSTANCES:
            raise LimitError(f"training_instances is {self.training_instances}; it takes 1 to {MOST_INSTANCES}")
        for name in ("training_gigabytes", "processing_gigabytes"):
            if not 1 <= getattr(self, name) <= MOST_GIGABYTES:
                raise LimitError(f"{name} is {getattr(self, name)}; SageMaker takes 1 to {MOST_GIGABYTES}")
        if self.training_wheels and not _FOLDER.fullmatch(self.training_wheels):
            raise LimitError(f"training_wheels is {self.training_wheels!r}; it takes a folder of the lake, such as wheels/")
        if not 1 <= self.training_hours <= 28 * 24:
            raise LimitError(f"training_hours is {self.training_hours}; SageMaker takes 1 to 672")
        for name, least in _AT_LEAST.items():
            if getattr(self, name) < least:
                raise LimitError(f"{name} is {getattr(self, name)}; it takes {least} or more")

    @property
    def scales(self) -> bool:
        """Whether the endpoint may grow under load."""
        return self.serving_most_instances > self.serving_instances
