"""Claims about politico/annotation/."""
