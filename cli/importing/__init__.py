"""`politico import`: a person's files, checked, into the lake."""
