"""Phone log-probs of phones that are said clearly, and how a phone head hears them."""

import numpy as np

from nemo_ctcbias.phones.hearing import Hearing
from nemo_ctcbias.phones.phones import BLANK, PHONE_IDS


def said(phones, doubt=6.0):
    """Log-probs of these phones, a blank after each; everything else is `doubt` less likely."""
    logits = np.full((2 * len(phones), BLANK + 1), -doubt)
    for place, phone in enumerate(phones):
        logits[2 * place, PHONE_IDS[phone]] = logits[2 * place + 1, BLANK] = 0.0
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def head(log_probs):
    """What the heads heard whose phones these are, one frame of the encoder to each of theirs."""
    return Hearing.by_head(log_probs, len(log_probs))
