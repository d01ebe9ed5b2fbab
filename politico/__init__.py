"""Ground floor: what every runtime shares. Imports nothing else of the project."""
