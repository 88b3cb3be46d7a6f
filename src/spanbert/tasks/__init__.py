"""Tasks: a folder each, all of one protocol; `registry` lists their specs, and to add one is to add its line there."""
