"""What must go: asked of X, swept out of the lake, and traced to the models that saw it."""
