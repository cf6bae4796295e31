"""Finds the database: from options, the environment, or a buildmaster's configuration."""
