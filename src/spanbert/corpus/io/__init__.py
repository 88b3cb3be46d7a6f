"""Files and their bytes, lines and rows: what every reader and writer stands on."""
