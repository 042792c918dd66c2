"""How a desk and its server come to hold the same rows: one file for each step of the protocol."""
