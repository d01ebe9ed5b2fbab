"""What ingestion will cost, before anything is spent."""
