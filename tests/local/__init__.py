"""Claims about local/."""
