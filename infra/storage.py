"""What is kept: the lake's bucket and the ledger's table. Both outlive the stack."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from politico.ledger.table import KEY


class Storage(Construct):
    """`lake` and `ledger`; `grant_purge` lets a function list and delete old versions of what it removes."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        self.lake = s3.Bucket(
            self,
            "Lake",
            versioned=True,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[
                s3.LifecycleRule(
                    noncurrent_version_expiration=Duration.days(30),
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                )
            ],
        )
        # Table, not TableV2: one region is enough, and the local cloud makes this one.
        self.ledger = dynamodb.Table(
            self,
            "Ledger",
            partition_key=dynamodb.Attribute(name=KEY, type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            removal_policy=RemovalPolicy.RETAIN,
        )

    def grant_purge(self, grantee: iam.IGrantable) -> None:
        """Old versions too: what must go may not stay as a noncurrent version."""
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(actions=["s3:ListBucketVersions"], resources=[self.lake.bucket_arn])
        )
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(actions=["s3:DeleteObjectVersion"], resources=[self.lake.arn_for_objects("*")])
        )
