"""Where a model keeps its CTC branch: a CTC model is that branch, a hybrid has it beside a transducer (RNN-T or TDT).

Lists act on the CTC branch.  A hybrid decodes with it once it has become a biased model;
`change_decoding_strategy(cfg, decoder_type="rnnt")` chooses the other branch, which is NeMo's own and stays as it is.
"""

from __future__ import annotations

from typing import Any

from nemo.utils import logging
from omegaconf import DictConfig
from torch import nn

from nemo_ctcbias.errors import SettingError

UNHEARD = 'lists act on the CTC branch, this model decodes with the other; change_decoding_strategy(decoder_type="ctc")'


class CTCBranch:
    """The CTC branch of one of NeMo's CTC models: all of it.  Stands right before NeMo's class.

    Attributes:
        branch: what the model calls its head, its decoding, its metric and its loss.
    """

    branch = ("decoder", "decoding", "wer", "loss")

    @property
    def ctc_head(self) -> nn.Module:
        """What makes log-probs of the encoder's output."""
        return getattr(self, self.branch[0])

    @property
    def ctc_criterion(self) -> nn.Module:
        """Its loss."""
        return getattr(self, self.branch[3])

    @property
    def ctc_strategy(self) -> Any:
        """NeMo's decoding of these."""
        return getattr(self, self.branch[1])

    @ctc_strategy.setter
    def ctc_strategy(self, decoding: Any) -> None:
        setattr(self, self.branch[1], decoding)
        getattr(self, self.branch[2]).decoding = decoding

    @property
    def ctc_config(self) -> DictConfig:
        """The section of its config that holds `decoding`."""
        return self._cfg

    @property
    def ctc_decodes(self) -> bool:
        """Whether transcriptions come from it."""
        return True

    def run_ctc(self, *args: Any, **kwargs: Any) -> None:
        """NeMo's own pass through encoder and head, called as `forward`."""
        super().forward(*args, **kwargs)

    def transcribe_ctc(self, batch: Any, trcfg: Any) -> None:
        """The same for a batch of `transcribe`."""
        self.run_ctc(input_signal=batch[0], input_signal_length=batch[1])

    def change_ctc_decoding(self, config: DictConfig) -> None:
        """NeMo's own change of its decoding."""
        super().change_decoding_strategy(config, verbose=False)

    def renew_decoding(self) -> None:
        """Decode with what was set, whichever branch does."""
        self.change_decoding_strategy(self.ctc_config.decoding, verbose=False)


class HybridMixin:
    """The CTC branch of a hybrid.  Stands before our other mixins, which know only that branch."""

    branch = ("ctc_decoder", "ctc_decoding", "ctc_wer", "ctc_loss")

    def _setup_biasing(self, local: bool = True) -> None:
        self.cur_decoder = "ctc"
        super()._setup_biasing(local)

    def setup_adapters(self) -> None:
        """As NeMo's, whose constructor calls it too early: adapters need the head."""
        if hasattr(self, self.branch[0]):
            super().setup_adapters()

    @property
    def ctc_config(self) -> DictConfig:
        """The section of its config that holds `decoding`."""
        return self._cfg.aux_ctc

    @property
    def ctc_decodes(self) -> bool:
        """Whether transcriptions come from it."""
        return self.cur_decoder == "ctc"

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """As NeMo's: the encoder's output [B, C, T] and lengths [B], for both branches."""
        return super(CTCBranch, self).forward(*args, **kwargs)

    def run_ctc(self, *args: Any, **kwargs: Any) -> None:
        """NeMo's own pass through encoder and head, called as `forward`."""
        encoded, _ = self.forward(*args, **kwargs)
        self.ctc_head(encoder_output=encoded)

    def transcribe_ctc(self, batch: Any, trcfg: Any) -> None:
        """The same for a batch of `transcribe`, with its prompts if there are any."""
        super(CTCBranch, self)._transcribe_forward(batch, trcfg)

    def change_decoding_strategy(
        self, decoding_cfg: DictConfig | None = None, decoder_type: str | None = None, verbose: bool = True
    ) -> None:
        """As NeMo's, which chooses the branch as well: "ctc", or "rnnt" (also for None), where no list acts."""
        if decoder_type == "ctc":
            super().change_decoding_strategy(decoding_cfg, verbose=verbose)
            return
        with self.changing():
            super(CTCBranch, self).change_decoding_strategy(decoding_cfg, decoder_type=decoder_type, verbose=verbose)
        self._warn_of_other_branch()

    def change_ctc_decoding(self, config: DictConfig) -> None:
        """NeMo's own change of its decoding."""
        super(CTCBranch, self).change_decoding_strategy(config, decoder_type="ctc", verbose=False)

    def renew_decoding(self) -> None:
        """Decode with what was set, whichever branch does."""
        chosen = self.cur_decoder
        super().change_decoding_strategy(self.ctc_config.decoding, verbose=False)
        self.cur_decoder = chosen
        self._warn_of_other_branch()

    def _warn_of_other_branch(self) -> None:
        if len(self.bias_list) and not self.ctc_decodes:
            logging.warning(f"bias list: {UNHEARD}")


def check_branch(model: CTCBranch, lists: bool) -> None:
    """Refuse lists that would not act.

    Raises:
        SettingError: there are lists, and another branch decodes.
    """
    if lists and not model.ctc_decodes:
        raise SettingError(UNHEARD)
