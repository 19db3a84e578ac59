"""The NeMo side: models that take a bias list, and how any CTC checkpoint becomes one.

Nothing is imported here: `nemo_ctcbias.nemo.ctc_models` loads NeMo, the rest of the package does not.
"""
