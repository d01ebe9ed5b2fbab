"""Invented data that ships with the project: a country that does not exist, its tweets, its encyclopedia."""

from samples.country import all_values, late_values
from samples.write import SampleFiles, write_sample

__all__ = ["SampleFiles", "all_values", "late_values", "write_sample"]
