"""Tasks: one folder each, all with one protocol; `registry` lists their specs: a new task adds its line there."""
