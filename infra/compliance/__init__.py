"""The compliance workflow in the template."""
