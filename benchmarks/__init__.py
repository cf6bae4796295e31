"""Measures the processor time and peak memory of commands, and compares them with their peers."""
