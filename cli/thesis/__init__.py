"""The thesis's own tables, with the model at hand: `politico table`."""
