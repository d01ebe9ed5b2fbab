"""`politico demo`: the whole path on this machine, what it asks its model, and what it shows of it."""
