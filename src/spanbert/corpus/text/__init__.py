"""Words, sentences, and spans on words."""
