"""Asking X's API: one connection, what its refusals mean, and each thing that it is asked for."""
