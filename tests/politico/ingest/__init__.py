"""Claims about politico/ingest/."""
