"""Named tensors and files to and from the disk; knows no module."""
