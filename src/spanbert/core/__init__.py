"""The vocabulary: types, settings, errors, keyed seeding, files. Imports nothing else of spanbert."""
