"""Claims about the project, in the rooms of what they test."""
