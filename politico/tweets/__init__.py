"""One tweet, and the reviewed list of the politicians whose tweets are read."""
