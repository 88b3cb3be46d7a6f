"""Coreference resolution: mentions of the same thing as clusters."""
