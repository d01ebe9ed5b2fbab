"""The functions of the compliance workflow, in the order of its steps: ask, hear, survey, sweep, conclude."""
