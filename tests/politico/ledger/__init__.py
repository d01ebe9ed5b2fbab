"""Claims about politico/ledger/."""
