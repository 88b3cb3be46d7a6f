"""The sections of docs/BENCHMARKS.md, one function a result; `benchmarks/report.py` puts them together."""
