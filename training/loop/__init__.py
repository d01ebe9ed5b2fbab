"""The loop that every stage runs: network, learning rate, steps, checkpoints, processes."""
