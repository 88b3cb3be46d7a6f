"""Windows to arrays to predictions: predictor, backends, scoring; what a bundle holds of tasks and heads."""
