"""Which rights nobody used: what local clouds left in a folder, added up. Run: make rights, which runs the slow tests first.

Each right was taken away in turn and what was asked for judged anew: one that nothing hung on is not needed, and goes, or its
reason stands in REASONS. Exit code 1 for one that does neither, and for a reason that is none any more.
"""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

REASONS: Mapping[str, str] = {
    "*Role* xray:GetSampling*": "CDK's for a state machine that is traced; X-Ray asks without a call that could be seen here",
    "*Role* sqs:SendMessage": "the scheduler's, for what it could not deliver; here all is delivered",
    "DeployWorkflow* cloudwatch:*Alarm*": "Auto Scaling's and SageMaker's in the machine's name: moto makes no alarm",
    "DeployWorkflow* iam:CreateServiceLinkedRole": "Auto Scaling's own role, made at its first use in an account",
    "DeployWorkflow* sagemaker:DescribeEndpointConfig": "Auto Scaling looks at the variant with it",
    "DeployWorkflow* sagemaker:UpdateEndpointWeightsAndCapacities": "Auto Scaling sets the number of machines with it",
    "ServingRole* cloudwatch:PutMetricData": "SageMaker's developer guide asks for it of an execution role",
    "ServingRole* s3:ListBucket": "S3 tells nobody else that a model is not there",
    "TrainJobRole* cloudwatch:PutMetricData": "SageMaker's developer guide asks for it of an execution role",
    "TrainJobRole* logs:DescribeLogStreams": "as above",
    "TrainWorkflowRole* sagemaker:AddTags": "Step Functions tags the jobs that it waits for",
    "FunctionsPrepareRole* s3:DeleteObject": "checkpoints over shards that compliance has taken",
    "TrainWorkflowRole* ecr:*": "SageMaker looks at a version's image in the name of who registers it",
    "TrainWorkflowRole* s3:*": "and at its weights",
    "FunctionsGateRole* s3:ListBucket": "S3 tells nobody else that an evaluation is not there",
    "FunctionsFetchRole* s3:*Version*": "to cut a page that it stored while one of its posts was buried",
    "FunctionsCurateRole* s3:DeleteObject": "a day that has lost its last tweet",
    "FunctionsHearRole* s3:GetObject": "what X says of users is looked up in the raw pages",
    "FunctionsHearRole* s3:ListBucket": "as above",
    "FunctionsSettleRole* s3:*Version*": "shards of a corpus that had to be changed, and tombstones once there are many",
    "Functions*Role* sagemaker:DescribeModelPackage": "of a version that is approved, or concerned; and to make a model from",
}
"""Why a right stays that the tests do not use, by `ROLE ACTION` in a shell's patterns."""


def used(folder: Path) -> Counter[tuple[str, str]]:
    """How many different calls hung on each action of each role, over all clouds."""
    found: Counter[tuple[str, str]] = Counter()
    for path in folder.glob("*.json"):
        for one in json.loads(path.read_text(encoding="utf-8")):
            found[one["role"], one["action"]] += one["needed_by"]
    return found


def main(folder: Path) -> int:
    found = used(folder)
    if not found:
        print(f"{folder} holds no record; run the slow tests with POLITICO_RIGHTS={folder}")
        return 2
    unused = sorted(f"{role} {action}" for (role, action), needed in found.items() if not needed)
    unexplained = [one for one in unused if not any(fnmatchcase(one, pattern) for pattern in REASONS)]
    idle = [pattern for pattern in REASONS if not any(fnmatchcase(one, pattern) for one in unused)]
    needed = sum(1 for count in found.values() if count)
    print(f"{len(found)} rights: {needed} needed by some call, {len(unused)} unused")
    for one in unexplained:
        print(f"  unused, without a reason: {one}")
    for pattern in idle:
        print(f"  a reason for nothing: {pattern}")
    return 1 if unexplained or idle else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
