"""What an operator asks before, beside and after a deployment."""
