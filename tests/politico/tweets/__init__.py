"""Claims about politico/tweets/."""
