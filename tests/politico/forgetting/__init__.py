"""Claims about politico/forgetting/."""
