"""Queries on masters: which masters, in which order, with which fields."""
