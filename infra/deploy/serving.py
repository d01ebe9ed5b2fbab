"""What the endpoint runs: its image and the role of the models made from it."""

from aws_cdk import Aws
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.naming import arn_of
from infra.rights import PULL, allow
from infra.settings import ECR_IMAGE, Settings
from infra.storage import Storage
from politico.lake import places

DOCKERFILE = "inference/Dockerfile"


class Serving(Construct):
    """`image` is the address of the serving image, `role` what its containers may do."""

    def __init__(self, scope: Construct, name: str, *, folder: str, storage: Storage, settings: Settings) -> None:
        super().__init__(scope, name)
        self._storage = storage
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        storage.let(self.role, read=[places.MODELS], write=[places.CAPTURED] if settings.data_capture_percent else [])
        allow(
            self.role,
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            [arn_of(self, "logs", "log-group", "/aws/sagemaker/*")],
            why="SageMaker names the streams after the endpoint's machines",
        )
        allow(
            self.role,
            ["cloudwatch:PutMetricData", "ecr:GetAuthorizationToken"],
            ["*"],
            why="neither has a resource to name",
        )
        if settings.serving_image:
            self.image, self._repository = settings.serving_image, self._repository_of(settings.serving_image)
            allow(self.role, PULL, [self._repository])
        else:
            asset = ecr_assets.DockerImageAsset(
                self,
                "Image",
                directory=folder,
                file=DOCKERFILE,
                platform=ecr_assets.Platform.LINUX_AMD64,
                build_args={"TORCH_INDEX": settings.torch_index} if settings.torch_index else None,
            )
            self.image, self._repository = asset.image_uri, asset.repository.repository_arn
            allow(self.role, PULL, [self._repository])

    def let_register(self, grantee: iam.IGrantable) -> None:
        """Who registers a model is asked for image and weights: SageMaker looks at both in its name."""
        allow(grantee, PULL, [self._repository])
        self._storage.let(grantee, read=[places.MODELS])

    def _repository_of(self, image: str) -> str:
        """The repository's own policy must allow pulling, too, where it is another account's."""
        named = ECR_IMAGE.fullmatch(image)
        assert named is not None, "the settings have checked it"
        return f"arn:{Aws.PARTITION}:ecr:{named['region']}:{named['account']}:repository/{named['repository']}"
