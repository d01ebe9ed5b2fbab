"""Tweets files of other people's tools, in any format, to posts in the shape of X's API v2."""
