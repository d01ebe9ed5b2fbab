"""Claims about politico/control/."""
