"""What is read, what is on its way, and what may still be spent: one DynamoDB table."""
