"""Measurements against peers, and on real data; not part of the installed package.

`bench/` holds what `spanbert bench NAME` runs, and the peers. The scripts beside it are studies that take hours or a
trained model: `python benchmarks/coref.py ...`. Results lie in `results/`; `report.py` writes docs/BENCHMARKS.md from
them.
"""
