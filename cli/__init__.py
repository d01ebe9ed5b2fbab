"""The `politico` command: the top floor, which may use everything below."""
