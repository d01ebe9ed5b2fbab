"""Claims about politico/."""
