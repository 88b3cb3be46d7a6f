"""Sequence labelling: entities (flat and nested) and parts of speech."""
