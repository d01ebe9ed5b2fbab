"""What is kept: the lake's bucket and the ledger's table. Both outlive the stack."""

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.rights import allow
from politico.lake import places
from politico.ledger.table import KEY

SELDOM_READ = Duration.days(90)
"""After so long a model is kept where it costs half, and where reading it costs something."""
KEPT = Duration.days(30)
"""How long what is gone can still be found: old versions, lines of the access log, checkpoints, captured requests."""


class Storage(Construct):
    """`lake` and `ledger`, and who may do what with them."""

    def __init__(self, scope: Construct, name: str, *, kms_key: str = "") -> None:
        super().__init__(scope, name)
        self.key = kms.Key.from_key_arn(self, "Key", kms_key) if kms_key else None
        """The deployer's own; None: AWS's."""
        # Who touched what, for as long as an old version stays: its lines name keys, and so accounts.
        access_logs = s3.Bucket(
            self,
            "AccessLogs",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[s3.LifecycleRule(expiration=KEPT)],
        )
        self.lake = s3.Bucket(
            self,
            "Lake",
            versioned=True,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix="lake/",
            encryption=s3.BucketEncryption.KMS if self.key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=self.key,
            bucket_key_enabled=True if self.key else None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
            lifecycle_rules=[
                s3.LifecycleRule(
                    noncurrent_version_expiration=KEPT,
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                    expired_object_delete_marker=True,
                ),
                *(
                    s3.LifecycleRule(prefix=one, expiration=KEPT, noncurrent_version_expiration=Duration.days(1))
                    for one in (places.CHECKPOINTS, places.CAPTURED)
                ),
                s3.LifecycleRule(
                    prefix=places.MODELS,
                    transitions=[s3.Transition(storage_class=s3.StorageClass.INFREQUENT_ACCESS, transition_after=SELDOM_READ)],
                ),
            ],
        )
        # Table, not TableV2: one region is enough, and the local cloud makes this one.
        self.ledger = dynamodb.Table(
            self,
            "Ledger",
            partition_key=dynamodb.Attribute(name=KEY, type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED if self.key else None,
            encryption_key=self.key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )

    def let(
        self,
        grantee: iam.IGrantable,
        *,
        read: Sequence[str] = (),
        write: Sequence[str] = (),
        delete: Sequence[str] = (),
        purge: Sequence[str] = (),
    ) -> None:
        """Let a role do this with the lake's objects under these prefixes, or at these keys. Who reads may list every key: S3
        tells nobody else that an object is not there. `purge` is for old versions, for what must go may not stay as one."""
        rights = {
            "s3:GetObject": read,
            "s3:PutObject": write,
            "s3:DeleteObject": delete,
            "s3:DeleteObjectVersion": purge,
        }
        for action, places_ in rights.items():
            if places_:
                under = [self.lake.arn_for_objects(f"{one}*" if one.endswith("/") else one) for one in places_]
                allow(grantee, [action], under, why="what lies there has names of runs, days and accounts that are yet to come")
        self.let_decrypt(grantee, also_encrypt=bool(write))
        lists = (["s3:ListBucket"] if read else []) + (["s3:ListBucketVersions"] if purge else [])
        if lists:
            allow(grantee, lists, [self.lake.bucket_arn])

    def let_note(self, grantee: iam.IGrantable, *operations: str) -> None:
        """Let a role do this with the ledger: `GetItem`, `UpdateItem`."""
        allow(grantee, [f"dynamodb:{one}" for one in operations], [self.ledger.table_arn])
        self.let_decrypt(grantee, also_encrypt=True)

    def let_decrypt(self, grantee: iam.IGrantable, *, also_encrypt: bool = False) -> None:
        """What the deployer's own key takes besides; nothing with AWS's."""
        if self.key:
            allow(grantee, ["kms:Decrypt", *(["kms:GenerateDataKey", "kms:Encrypt"] if also_encrypt else [])], [self.key.key_arn])
