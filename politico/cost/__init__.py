"""What things will cost, and what an account may run, before anything is spent."""
