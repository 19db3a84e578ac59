"""Training of what stands beside a frozen model: the contextual adapter and the phone head."""
