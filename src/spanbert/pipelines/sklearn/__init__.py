"""Estimators for scikit-learn: `fit`, `predict`, `score` over fine-tuning and prediction."""
