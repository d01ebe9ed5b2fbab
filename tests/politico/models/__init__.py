"""Claims about politico/models/."""
