"""Abstract interpretation of Python: finds a program's top-level names without executing it."""
