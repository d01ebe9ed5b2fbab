"""Can people tell? A blind study of real and generated tweets: `politico study make` and `politico study read`."""
