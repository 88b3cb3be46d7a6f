"""Raw text to Documents: readers of files and of the hub, cleaning, languages, duplicates."""
