"""Word language models: estimate one with a class for listed words, and score listed words through that class."""
