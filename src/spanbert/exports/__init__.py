"""Bundles to other runtimes: graphs, calibration, and what an export costs in score."""
