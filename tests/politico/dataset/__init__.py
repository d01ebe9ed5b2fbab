"""Claims about politico/dataset/."""
