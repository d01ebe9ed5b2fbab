"""The control format: which words steer a tweet, how they are written for a model, and how a tweet is asked for."""
