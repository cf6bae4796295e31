"""The table; it is the fields that make it wide."""

from mastersctl.output.table import write as write
