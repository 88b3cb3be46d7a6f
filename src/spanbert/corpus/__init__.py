"""Files to Documents and back: raw text, and annotations in every format."""
