"""The synthesized template on one machine: moto's server, and in one module each what it lacks."""
