"""Phonetics: what listed phrases sound like, and what that says about a transcript.

Reading order: `phones` (the inventory), `lexicon`, `graphones` (letters aligned with phones), `g2p` (the joint
n-gram), `pronouncer` (who says how a word sounds), `g2g` (other spellings); `lattice` and `alignment` (CTC over
phones); `slots`, `confusions`, `spelled_phones` and `hearing` (phones of a model without a phone
head); `phone_search` and `score`, the one score of a phrase; then what is done with it: `detection` of phrases that can
be heard, `rescoring` of n-best lists, and the `confidence` of what was written or missed, which asks for
`common_words`; `spoken_variants`.  Only numpy, numba (through
`nemo_ctcbias.compiled`) and, for `g2p`, kenlm are imported here; `phone_head` needs torch.
"""

from nemo_ctcbias.phones.g2g import G2G, Variant
from nemo_ctcbias.phones.g2p import G2P
from nemo_ctcbias.phones.lexicon import Lexicon
from nemo_ctcbias.phones.pronouncer import Pronouncer

__all__ = ["G2G", "G2P", "Lexicon", "Pronouncer", "Variant"]
