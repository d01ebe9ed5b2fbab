"""Which accounts are a politician's own: found, judged worth following, and checked."""
