"""Formats of annotated files: one module each, and one registry of them."""
