"""The vocabulary: types, settings, errors, keyed seeding, files. Imports nothing else of spanbert."""

from importlib.util import find_spec

if find_spec("fcntl") is None:  # what holds a run's directory; Windows has none
    missing = "https://github.com/spanbert/spanbert/blob/main/docs/PLATFORMS.md says what is missing"
    raise ImportError(f"spanbert does not run on Windows itself yet, but in WSL 2; {missing}")
