"""What tests stand on: the template, invented worlds, micro models, and the edges of the commands."""
