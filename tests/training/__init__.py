"""Claims about training/."""
