"""Policies of AWS's own that roles of the stack have, by their names; from AWS's Managed Policy Reference."""

from collections.abc import Mapping
from typing import Any

MANAGED: Mapping[str, Mapping[str, Any]] = {
    "service-role/AWSLambdaBasicExecutionRole": {
        "Statement": {
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "*",
        }
    }
}
