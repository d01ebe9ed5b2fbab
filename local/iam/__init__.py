"""IAM on this machine: every call of a workload is held against its role's policies, as AWS holds it."""
