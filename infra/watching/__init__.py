"""What an operator is told and shown: alarms, the dashboard, the budget, what was not delivered."""
