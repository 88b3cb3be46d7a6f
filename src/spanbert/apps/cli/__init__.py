"""The command line: one module a verb, each a thin shell around a Python function; torch is imported by verbs that need it."""
