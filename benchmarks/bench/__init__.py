"""Benchmarks as commands: ours and the peer alternately, on the same work, in one run; ratios rather than times.

`spanbert bench NAME` calls `run` of the module NAME.
"""
