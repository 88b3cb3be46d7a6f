"""Several processes that train together, on the CPU."""
