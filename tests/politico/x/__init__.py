"""Claims about politico/x/."""
