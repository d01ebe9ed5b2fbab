"""`politico page`: the page that writes a tweet, on one's own machine."""
