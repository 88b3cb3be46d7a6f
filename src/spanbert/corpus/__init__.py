"""Files to Documents and back: raw text, and annotations in all supported formats."""
