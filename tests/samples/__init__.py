"""Claims about samples/."""
