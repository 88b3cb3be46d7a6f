"""Packed batches to hidden states."""
