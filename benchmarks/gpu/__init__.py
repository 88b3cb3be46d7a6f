"""What is measured on a machine with one GPU and no network, in nine minutes; README.md says how."""
