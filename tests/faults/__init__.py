"""Runs that are cut, disks that fill up, files that lie: see docs/RELIABILITY.md."""
