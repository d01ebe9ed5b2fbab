"""What apps without AWS credentials call, one module a function."""
