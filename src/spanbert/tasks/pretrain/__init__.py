"""Span pre-training: masked language model and span-boundary objective (Joshi et al. 2020), and filling spans."""
