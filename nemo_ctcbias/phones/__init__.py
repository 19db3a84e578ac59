"""Phonetics: what listed phrases sound like, and what that says about a transcript.

Reading order: `phones` (the inventory), `lexicon`, `graphones` (letters aligned with phones), `g2p` (the joint
n-gram), `pronouncer` (who says how a word sounds), `g2g` (other spellings); `lattice` and `alignment` (CTC over
phones), `edit_distance`; `phone_search` and `spotting` of phrases that can be heard; `rescoring` of n-best lists,
`verification` of what was written, beside ordinary words (`common_words`, `rivals`), and `lookup` of misheard phrases;
`spoken_variants` and `options`, what models and decoders use of it all.  Only numpy, kenlm and numba (through
`nemo_ctcbias.compiled`) are imported here; `phone_head` needs torch.
"""

from nemo_ctcbias.phones.g2g import G2G, Variant
from nemo_ctcbias.phones.g2p import G2P
from nemo_ctcbias.phones.lexicon import Lexicon
from nemo_ctcbias.phones.lookup import LexiconLookup, LookupOptions, SpokenWord, replace_words
from nemo_ctcbias.phones.pronouncer import Pronouncer
from nemo_ctcbias.phones.rescoring import PhoneticRescorer, RescoringOptions
from nemo_ctcbias.phones.spotting import PhraseSpotter, Spotting, SpottingOptions
from nemo_ctcbias.phones.verification import Verification, VerificationOptions

__all__ = [
    "G2G",
    "G2P",
    "Lexicon",
    "LexiconLookup",
    "LookupOptions",
    "PhoneticRescorer",
    "PhraseSpotter",
    "Pronouncer",
    "RescoringOptions",
    "SpokenWord",
    "Spotting",
    "SpottingOptions",
    "Variant",
    "Verification",
    "VerificationOptions",
    "replace_words",
]
