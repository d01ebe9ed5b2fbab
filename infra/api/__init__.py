"""The REST API in the template."""
