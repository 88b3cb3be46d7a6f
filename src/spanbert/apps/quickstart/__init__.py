"""`spanbert quickstart`: the whole way on a small model, in minutes, from packaged text."""
