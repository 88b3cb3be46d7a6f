"""Files to Documents: readers, cleaning, de-duplication."""
