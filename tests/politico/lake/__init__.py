"""Claims about politico/lake/."""
