"""The bucket that holds everything: where things lie, how they are read and written, and what must never come back."""
