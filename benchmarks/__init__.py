"""What a command costs: processor time and peak memory of whole processes, beside their peers'."""
