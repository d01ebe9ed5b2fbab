"""Working the network out and writing with it: many drafts side by side, token by token."""
