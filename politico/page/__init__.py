"""The page that writes a tweet for whoever visits it: its files, what a visitor may ask, and how an order is kept and written."""
