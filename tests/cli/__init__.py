"""Claims about cli/."""
