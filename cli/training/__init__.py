"""Training from the command line: the experiments, a run on this machine, a run on a stack."""
