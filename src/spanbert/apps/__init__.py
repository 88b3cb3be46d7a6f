"""The command line, reports, the quick start."""
