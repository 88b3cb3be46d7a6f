"""Text classification: one label, several labels, regression, pairs."""
