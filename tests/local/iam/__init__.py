"""Claims about local/iam."""
