"""Configs, files of weights and command lines: used, or refused in one line."""

import argparse

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_readers import NESTED

from nemo_ctcbias.adapter.config import ContextualAdapterConfig, check_config
from nemo_ctcbias.cli import COMMANDS, build_parser
from nemo_ctcbias.evaluation.command import from_arguments
from nemo_ctcbias.nemo.stored_weights import read_weights
from nemo_ctcbias.phones.phone_head import PhoneHeadConfig

fuzz = settings.get_profile("fuzz")
ADAPTER = st.sampled_from(list(ContextualAdapterConfig.__dataclass_fields__))
HEAD = st.sampled_from(list(PhoneHeadConfig.__dataclass_fields__))


@settings(fuzz)
@given(st.dictionaries(ADAPTER | st.integers(), NESTED, max_size=4) | NESTED)
def test_adapter_configs(taken, given):
    config = taken(check_config, given, 9)
    assert config is None or (config.dim % config.heads == 0 and config.query_context % 2)


@settings(fuzz)
@given(st.dictionaries(HEAD | st.integers(), NESTED, max_size=4) | NESTED)
def test_phone_head_configs(taken, given):
    config = taken(PhoneHeadConfig.of, given, [16] * 9)
    assert config is None or 0 <= config.dropout < 1


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "head.pt"
    torch.manual_seed(0)
    torch.save({"config": {"hidden": 8}, "weights": {"a": torch.randn(40), "b": torch.randn(3, 4)}}, path)
    return path, path.read_bytes()


@settings(fuzz)
@given(st.data(), st.lists(st.integers(0, 7), min_size=1, max_size=3))
def test_flipped_bits(file, taken, near, weights, data, bits):
    path, content = weights
    flipped = bytearray(content)
    for bit in bits:
        flipped[data.draw(st.integers(0, len(content) - 1))] ^= 1 << bit
    whole = torch.load(path, weights_only=True)
    for one in near(bytes(flipped)):
        found = taken(read_weights, file("flipped.pt", one), "phone head", "save_phone_head")
        if found is not None:  # what no checksum covers holds nothing
            assert found["config"] == whole["config"]
            assert all(torch.equal(found["weights"][name], whole["weights"][name]) for name in whole["weights"])


OPTIONS = """--manifest --out --bias --json --compare --batch-size -n --limit --list-sizes --systems --seed --list-kind
    --preset --distractors --resamples --order --prune --device --bias-weight --""".split()
WORDS = [*COMMANDS, *OPTIONS, *"a.wav 0 -1 1e9 nan 5,20 , greedy,greedy hotword+lm off cuda:99 é inf".split(), "", "\0"]


@settings(fuzz)
@given(st.sampled_from(list(COMMANDS)), st.lists(st.sampled_from(WORDS) | st.text(max_size=4), max_size=8))
def test_command_lines(taken, command, words):
    try:
        args = build_parser(command).parse_args([command, *words])
    except SystemExit as error:
        assert error.code in (0, 2)
        return
    assert isinstance(args, argparse.Namespace)
    if command == "evaluate":
        taken(from_arguments, args)
