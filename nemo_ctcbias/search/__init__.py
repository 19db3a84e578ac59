"""From log-probs and a bias list to words: beam search, boosting, alignment, hits."""
