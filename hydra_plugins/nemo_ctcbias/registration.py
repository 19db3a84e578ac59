"""Hydra imports this when an application starts, so NeMo's own scripts load biased models unmodified."""

from nemo_ctcbias.nemo.registration import register

register()
