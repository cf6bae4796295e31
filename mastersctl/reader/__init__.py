"""Python that is read and not executed: what a program binds to names at its top level."""
