"""Bias lists: phrases, their files, and their spelling in a model's tokens.

Reading order: `phrase`, `report`, `bias_list` (formats, what was left out), `vocabulary` (a model's tokens),
`normaliser`, `spelling` (text to token ids), `trie` (what the decoder walks along). Nothing here imports NeMo or torch.
"""

from nemo_ctcbias.bias_list.bias_list import BiasList
from nemo_ctcbias.bias_list.phrase import Phrase
from nemo_ctcbias.bias_list.report import Note, summary
from nemo_ctcbias.bias_list.spelling import SpelledList, spell
from nemo_ctcbias.bias_list.spellings import Spelling, Spellings
from nemo_ctcbias.bias_list.vocabulary import Vocabulary

__all__ = ["BiasList", "Note", "Phrase", "SpelledList", "Spelling", "Spellings", "Vocabulary", "spell", "summary"]
