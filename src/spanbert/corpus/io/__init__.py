"""Files and their bytes, lines and rows: what every reader and writer is built on."""
