"""Each figure that the README quotes, as a command, with its peers measured in the same run."""
