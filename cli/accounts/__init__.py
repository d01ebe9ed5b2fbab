"""The commands about accounts: `discover`, `registry check`, `registry put` and `cost ingest`."""
