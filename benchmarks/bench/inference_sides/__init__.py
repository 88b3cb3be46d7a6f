"""The sides of `bench inference`, and what they share: data, models, latencies."""
