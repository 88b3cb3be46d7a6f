"""Ids to packed batches: cutting, packing plan, span masking, loader."""
