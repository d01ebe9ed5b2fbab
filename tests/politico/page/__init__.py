"""Claims about politico/page/."""
