"""What can be done with masters; nothing here knows of the command line."""
