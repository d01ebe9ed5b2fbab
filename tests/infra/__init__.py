"""Claims about infra/."""
