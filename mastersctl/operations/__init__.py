"""The operations on masters; nothing here knows of the command line."""
