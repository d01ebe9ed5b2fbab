"""Claims about politico/accounts/."""
