"""Relation extraction: how two entities of a text are related."""
