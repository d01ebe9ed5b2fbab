"""Pages and pictures for people: each one file that needs no network."""
