"""Translation: a Transformer decoder on the encoder (Vaswani et al. 2017)."""
