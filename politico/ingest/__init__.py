"""From an account's timeline to annotated tweets, with every post accounted for."""
