"""Lambda on this machine: each function in processes of its own that see only what would be deployed."""
