"""The ingest workflow in the template."""
