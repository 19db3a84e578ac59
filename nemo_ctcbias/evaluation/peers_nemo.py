"""NeMo's own decoding strategies as their authors ship them: greedy, and the GPU-PB boosting tree."""

from __future__ import annotations

from typing import Any, ClassVar

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.evaluation.cased_phrases import cased_phrases
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.systems import Context, Phrases, Setting, System
from nemo_ctcbias.nemo.vocabulary import head_of


def nemo_decoding(model: Any, strategy: str, **section: Any) -> Any:
    """NeMo's decoding object for the model's tokens, independent of how the model itself decodes.

    Args:
        model: BPE or character CTC model.
        strategy: `greedy_batch` or `beam_batch`.
        section: values of the config section of that strategy (`greedy` or `beam`).
    """
    from nemo.collections.asr.parts.submodules import ctc_decoding
    from omegaconf import OmegaConf

    subword = hasattr(model, "tokenizer")
    config = OmegaConf.structured(ctc_decoding.CTCBPEDecodingConfig() if subword else ctc_decoding.CTCDecodingConfig())
    config.strategy = strategy
    for name, value in section.items():
        OmegaConf.update(config, f"{strategy.split('_')[0]}.{name}", value)
    if subword:
        return ctc_decoding.CTCBPEDecoding(config, tokenizer=model.tokenizer)
    return ctc_decoding.CTCDecoding(config, vocabulary=list(head_of(model).vocabulary))


def best_text(decoding: Any, item: Item) -> str:
    """Text of one utterance from NeMo's decoding object."""
    import torch

    log_probs = torch.from_numpy(item.log_probs).unsqueeze(0)
    lengths = torch.tensor([log_probs.shape[1]])
    return decoding.ctc_decoder_predictions_tensor(log_probs, lengths)[0].text


class Greedy(System):
    """NeMo's batched greedy decoding: no bias at all."""

    name = "greedy"

    def prepare(self, context: Context) -> None:
        """One decoding object for all lists."""
        self._decoding = nemo_decoding(context.model, "greedy_batch")

    def decode(self, item: Item, bias: Any, setting: Setting) -> str:
        """The best token of each frame, collapsed."""
        return best_text(self._decoding, item)


class BoostingGreedy(System):
    """GPU-PB boosting tree in greedy search, depth scaling 2.0 as advised for CTC."""

    name = "nemo-boosting-greedy"
    strategy = "greedy_batch"
    options: ClassVar[Setting] = {}
    grid = tuple({"boosting_tree_alpha": alpha} for alpha in (0.25, 0.5, 0.75, 1.0, 1.5, 2.0))
    slow_from = 10_000  # its graph of a long list takes seconds to build, for every utterance
    default: ClassVar[Setting] = {"boosting_tree_alpha": 1.0}

    def prepare(self, context: Context) -> None:
        """Refuse character models: the tree needs a tokenizer."""
        if not hasattr(context.model, "tokenizer"):
            raise SettingError(f"system {self.name!r}: the boosting tree needs a model with a tokenizer")
        self._model = context.model

    def build(self, phrases: Phrases, setting: Setting) -> Any:
        """A decoding object with the tree of these phrases."""
        if not phrases:
            return nemo_decoding(self._model, self.strategy, **self.options)
        forms = cased_phrases(phrases, head_of(self._model).vocabulary)
        tree = {"boosting_tree.key_phrases_list": forms, "boosting_tree_alpha": 1.0}
        return nemo_decoding(self._model, self.strategy, **tree, **self.options)

    def decode(self, item: Item, bias: Any, setting: Setting) -> str:
        """Search with the tree's scores times `boosting_tree_alpha`."""
        infer = getattr(bias.decoding, "search_algorithm", bias.decoding)
        # The strength multiplies the scores during search only, so one tree serves the whole grid.
        if infer.fusion_models:
            infer.fusion_models_alpha = [setting["boosting_tree_alpha"]]
        return best_text(bias, item)


class BoostingBeam(BoostingGreedy):
    """GPU-PB boosting tree in batched beam search, 16 beams; `beam_beta` 0, because its default of 1 inserts tokens."""

    name = "nemo-boosting-beam"
    strategy = "beam_batch"
    options: ClassVar[Setting] = {"beam_size": 16, "beam_beta": 0.0}


class BoostingBeamWithLM(BoostingBeam):
    """The same search with a language model over tokens (NGPU-LM) besides the tree, and its bonus for each token."""

    name = "nemo-boosting-beam+lm"
    grid = tuple(
        {"boosting_tree_alpha": tree, "ngram_lm_alpha": lm, "beam_beta": beta}
        for lm in (0.2, 0.4)
        for beta in (0.0, 1.0)
        for tree in (0.75, 1.5)
    )
    default: ClassVar[Setting] = {"boosting_tree_alpha": 1.0, "ngram_lm_alpha": 0.3, "beam_beta": 1.0}

    def prepare(self, context: Context) -> None:
        """Load the language model, once for all lists."""
        from nemo.collections.asr.parts.submodules.ngram_lm import NGramGPULanguageModel

        super().prepare(context)
        if context.token_lm is None:
            raise SettingError(
                f"system {self.name!r}: needs a language model over the model's tokens: give --token-lm FILE "
                "(examples/token_lm.py makes one from text)"
            )
        size = len(head_of(context.model).vocabulary)
        self._lm = NGramGPULanguageModel.from_file(context.token_lm, vocab_size=size)

    def decode(self, item: Item, bias: Any, setting: Setting) -> str:
        """Search with both; a list without phrases has no tree."""
        search = bias.decoding.search_algorithm
        tree = [model for model in search.fusion_models or [] if model is not self._lm]
        search.fusion_models = [self._lm, *tree]
        search.fusion_models_alpha = [setting["ngram_lm_alpha"], *[setting["boosting_tree_alpha"]] * len(tree)]
        search.beam_beta = setting["beam_beta"]
        return best_text(bias, item)
