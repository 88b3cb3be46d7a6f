"""The command line: one module a verb, a thin shell around a Python function; verbs that need torch import it late."""
