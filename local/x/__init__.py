"""A stand-in for X's API on this machine: what it holds, how it serves it, and how it misbehaves on demand."""
