"""What runs on AWS, as CDK constructs."""
