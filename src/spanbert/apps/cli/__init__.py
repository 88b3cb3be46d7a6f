"""The command line: one module a verb, a thin shell around a Python function; verbs that need torch import it late."""

try:
    import spanbert.core  # noqa: F401 (it looks at the system)
except ImportError as error:  # of a system on which it does not run
    raise SystemExit(f"spanbert: error: {error}") from None
