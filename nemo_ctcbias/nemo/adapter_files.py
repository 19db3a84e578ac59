"""Contextual adapters in files of their own: what `save_adapters` writes and `load_adapters` takes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf

from nemo_ctcbias.errors import ModelError, SettingError
from nemo_ctcbias.nemo.fingerprint import check_fingerprint, fingerprint
from nemo_ctcbias.nemo.stored_weights import first_line, read_weights, write_weights


class AdapterFilesMixin:
    """NeMo's calls for files of adapters, on a model with the calls for adapters."""

    def save_adapters(self, filepath: str, name: str | None = None) -> None:
        """As NeMo's, in a form that torch loads without running code (`weights_only`)."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "adapters.pt"
            super().save_adapters(str(file), name)
            stored = torch.load(file, map_location="cpu", weights_only=False)  # written a moment ago
        wanted = {key.split(":")[-1] for key in stored if key != "__cfg__"} | {self.adapter_global_cfg_key}
        stored["__cfg__"] = {
            key: value for key, value in OmegaConf.to_container(self.cfg.adapters).items() if key in wanted
        }
        for value in stored["__cfg__"].values():
            if isinstance(value.get("base"), dict):
                value["base"]["weights"] = fingerprint(self)
        write_weights(filepath, stored)

    def load_adapters(
        self,
        filepath: str,
        name: str | None = None,
        map_location: Any = None,
        strict: bool = True,
        other_base: bool = False,
    ) -> None:
        """As NeMo's; what fails changes nothing.

        Args:
            other_base: take one that was trained with other weights of this model.

        Raises:
            ModelError: no such file, no adapter in it, one of another base model, or one whose name is taken.
            SettingError: an adapter whose config cannot be.
        """
        path = Path(filepath)
        configs = read_weights(path, "adapter", "save_adapters").get("__cfg__")
        if not isinstance(configs, dict) or not all(isinstance(key, str) for key in configs):
            raise ModelError(f"{path}: no adapter file; give a file that save_adapters wrote")
        wanted = self._wanted(path, configs, name)
        map_location = map_location or next(self.parameters()).device
        with self.changing():
            try:
                for one in wanted:
                    base = configs[one].get("base") if isinstance(configs[one], dict) else None
                    if isinstance(base, dict) and not other_base:
                        check_base(one, base, self.adapter_base())
                        check_fingerprint(self, base.get("weights"), f"adapter {one!r}")
                super().load_adapters(str(path), wanted, map_location, strict)
            except (ModelError, SettingError) as error:
                raise type(error)(f"{path}: {error}") from error
            except Exception as error:  # NeMo and torch raise whatever they meet
                raise ModelError(f"{path}: no adapter that fits this model ({first_line(error)})") from error

    def _wanted(self, path: Path, configs: dict[str, Any], name: str | list[str] | None) -> list[str]:
        """Names of those adapters of a file that are asked for, all of them for None."""
        names = [key for key in configs if key != self.adapter_global_cfg_key]
        wanted = names if name is None else [name] if isinstance(name, str) else list(name)
        wanted = [one.split(":")[-1] for one in wanted]
        for one in wanted:
            if one not in names:
                raise ModelError(f"{path}: no adapter {one!r} in it; it has {', '.join(names)}")
            if one in self.adapter_names():
                raise ModelError(f"{path}: the model has an adapter {one!r} already; load it into a model without")
        return wanted


def check_base(name: str, stored: dict[str, Any], base: dict[str, Any]) -> None:
    """Refuse an adapter that was made for another encoder or vocabulary.

    Raises:
        ModelError: saying which.
    """
    what = {"width": "an encoder of width", "layers": "an encoder with layers", "vocabulary": "the vocabulary"}
    for key, words in what.items():
        if stored.get(key) != base[key]:
            raise ModelError(
                f"adapter {name!r} was made for {words} {stored.get(key)}, this model has {base[key]}; "
                "use it with its own base model, or train one for this model"
            )
