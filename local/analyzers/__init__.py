"""Small Spanish analyzers in Amazon Comprehend's place: its shape and its limits, by word lists and rules; not its quality."""
