"""The deploy workflow in the template, and what the endpoint runs."""
