"""Claims about inference/."""
