"""Documents to piece ids: tokenizer, word starts, token store."""
