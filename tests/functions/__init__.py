"""Claims about functions/."""
