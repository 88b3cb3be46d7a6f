"""A kind of task in one folder, as docs/ARCHITECTURE.md explains it: how many words a text has, by its author's count."""
