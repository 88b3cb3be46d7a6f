"""A run as it goes, for the terminal: its files, read as they grow, and a frame of text that shows them."""
