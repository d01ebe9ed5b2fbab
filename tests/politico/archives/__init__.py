"""Claims about politico/archives/."""
