"""What a task said, to why: integrated gradients over the words, and where attention heads look."""
