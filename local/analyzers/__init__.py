"""Small Spanish analyzers that answer in Amazon Comprehend's place on one machine.

They stand in for the service's shape, limits and failures, not for its quality: word lists and rules, no model, the
same answer for the same text every time. Nothing here is meant to run on AWS.
"""

from local.analyzers.entities import entities
from local.analyzers.key_phrases import key_phrases
from local.analyzers.sentiment import sentiment

__all__ = ["entities", "key_phrases", "sentiment"]
