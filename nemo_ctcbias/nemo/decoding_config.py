"""What NeMo's own decoding config says about lists: hotwords and language model of its `pyctcdecode` strategy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from omegaconf import DictConfig, OmegaConf

from nemo_ctcbias.settings import AS_TUNED, Settings


def hotwords_of(decoding: DictConfig) -> list | None:
    """The hotwords, where that strategy is selected and some are given."""
    return list(_pyctcdecode(decoding).get("hotwords") or ()) or None


def settings_of(biasing: DictConfig, decoding: DictConfig) -> Settings:
    """The section `biasing`, overlaid by what the decoding config asks for."""
    settings = Settings.of(OmegaConf.to_container(biasing))
    section = _pyctcdecode(decoding)
    if section.get("hotwords"):
        settings = replace(settings, weight=float(section.get("hotword_weight", AS_TUNED)))
    beam = decoding.get("beam") or {}
    if decoding.get("strategy") == "pyctcdecode" and beam.get("ngram_lm_model"):
        alpha, beta = float(beam.get("ngram_lm_alpha", 1.0)), float(beam.get("beam_beta", 0.0))
        lm = replace(settings.lm, path=str(beam.ngram_lm_model), alpha=alpha, beta=beta, enabled=True)
        settings = replace(settings, lm=lm)
    return settings


def _pyctcdecode(decoding: DictConfig) -> Any:
    selected = decoding.get("strategy") == "pyctcdecode"
    return (OmegaConf.select(decoding, "beam.pyctcdecode_cfg") or {}) if selected else {}
