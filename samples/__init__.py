"""Invented data that ships with the project: a country that does not exist, its tweets, its encyclopedia."""
