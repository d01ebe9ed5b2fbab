"""Claims about what people see, in a real browser."""
