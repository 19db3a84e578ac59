"""Contextual biasing for NVIDIA NeMo CTC models."""

__version__ = "0.1.0"
