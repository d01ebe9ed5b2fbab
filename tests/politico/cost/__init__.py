"""Claims about politico/cost/."""
