import pytest
import torch
from nemo.collections.asr.models import ASRModel, EncDecCTCModelBPE
from nemo.core.classes.mixins import AccessMixin
from omegaconf import OmegaConf
from places import ROOT

from nemo_ctcbias.whisper import WhisperConformerEncoder
from nemo_ctcbias.whisper.trunk import WhisperTrunk

SHAPE = {"d_model": 16, "n_layers": 2, "n_heads": 2, "trunk": {"width": 16, "blocks": 2, "heads": 2}}


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(1)
    return WhisperConformerEncoder(**SHAPE).eval()


def mels(*lengths: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(sum(lengths))
    lengths = torch.tensor(lengths)
    mel = torch.randn(len(lengths), 80, int(lengths.max()), generator=generator)
    return mel * (torch.arange(mel.shape[2]) < lengths[:, None])[:, None], lengths


@torch.inference_mode()
def test_a_batch_gives_what_each_recording_gives_alone(encoder):
    mel, lengths = mels(701, 33, 3500, 2881, 8)  # 8 frames are one of the output; the third and fourth need windows
    out, out_lengths = encoder(audio_signal=mel, length=lengths)
    assert out_lengths.tolist() == [-(-n // 8) for n in lengths.tolist()]
    for row, (length, frames) in enumerate(zip(lengths, out_lengths, strict=True)):
        alone, count = encoder(audio_signal=mel[row : row + 1, :, :length], length=length[None])
        assert int(count) == int(frames)
        torch.testing.assert_close(out[row, :, :frames], alone[0], atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_long_recordings_are_finite_and_as_long_as_they_are(encoder):
    mel, lengths = mels(30_000)
    out, frames = encoder(audio_signal=mel, length=lengths)
    assert out.shape == (1, 16, 3750) and int(frames) == 3750 and torch.isfinite(out).all()
    # Nothing is heard twice: another end changes nothing more than a window before it.
    other, _ = encoder(audio_signal=mel[:, :, :24_000], length=torch.tensor([24_000]))
    torch.testing.assert_close(out[:, :, : 3000 - 720], other[:, :, : 3000 - 720], atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_it_may_be_entered_behind_the_first_blocks(encoder):
    mel, lengths = mels(640, 333)
    whole, frames = encoder(audio_signal=mel, length=lengths)
    x, inner = encoder.trunk.enter(mel, lengths)
    mask = (torch.arange(x.shape[1]) < inner[:, None])[:, None, None]
    x = encoder.trunk.blocks[0](x, mask)
    encoder.entry = 1
    try:
        entered, count = encoder(audio_signal=x.transpose(1, 2), length=inner)
    finally:
        encoder.entry = 0
    assert torch.equal(frames, count)
    for row, n in enumerate(frames):
        torch.testing.assert_close(entered[row, :, :n], whole[row, :, :n], atol=1e-5, rtol=1e-5)


def test_the_trunk_is_whispers():
    """Against torch's own pre-norm encoder layer, which computes the same from the same weights."""
    torch.manual_seed(2)
    trunk = WhisperTrunk(width=16, blocks=1, heads=2).eval()
    block = trunk.blocks[0]
    layer = torch.nn.TransformerEncoderLayer(16, 2, 64, 0.0, "gelu", batch_first=True, norm_first=True).eval()
    pairs = [(layer.self_attn.out_proj, block.out), (layer.linear1, block.fc1), (layer.linear2, block.fc2)]
    pairs += [(layer.norm1, block.attn_ln), (layer.norm2, block.mlp_ln)]
    for theirs, ours in pairs:
        theirs.load_state_dict(ours.state_dict())
    layer.self_attn.in_proj_weight.data.copy_(block.qkv.weight)
    layer.self_attn.in_proj_bias.data.copy_(block.qkv.bias)
    mel, lengths = mels(100)
    x, inner = trunk.enter(mel, lengths)
    with torch.inference_mode():
        torch.testing.assert_close(trunk.go_on(x, inner), trunk.ln(layer(x)), atol=1e-5, rtol=1e-5)


def test_nemo_saves_restores_and_trains_it_with_interctc(tmp_path, tokenizer_dir):
    cfg = OmegaConf.load(ROOT / "configs" / "base_whisper_ctc_bpe.yaml").model
    cfg.tokenizer.dir = str(tokenizer_dir)
    for name, value in SHAPE.items():
        OmegaConf.update(cfg.encoder, name, value, force_add=True)
    model = EncDecCTCModelBPE(cfg=cfg)
    model.save_to(str(tmp_path / "tiny.nemo"))
    restored = ASRModel.restore_from(str(tmp_path / "tiny.nemo"), map_location="cpu")
    assert isinstance(restored.encoder, WhisperConformerEncoder)
    audio, length = torch.randn(2, 16000), torch.tensor([16000, 12000])
    with torch.inference_mode():
        for a, b in zip(
            model.eval()(input_signal=audio, input_signal_length=length),
            restored.eval()(input_signal=audio, input_signal_length=length),
            strict=True,
        ):
            torch.testing.assert_close(a, b)
    # As NeMo's training step does it.
    restored.train()
    AccessMixin.set_access_enabled(access_enabled=True, guid=restored.model_guid)
    log_probs, frames, _ = restored(input_signal=audio, input_signal_length=length)
    spoken = {"targets": torch.randint(0, 9, (2, 3)), "target_lengths": torch.tensor([3, 2])}
    loss = restored.loss(log_probs=log_probs, input_lengths=frames, **spoken)
    transcript = {"transcript": spoken["targets"], "transcript_len": spoken["target_lengths"]}
    both, seen = restored.add_interctc_losses(loss, **transcript, compute_wer=False)
    both.backward()
    assert {"inter_ctc_loss_l0", "inter_ctc_loss_l1"} <= {name.removeprefix("train_") for name in seen}
    assert all(p.grad is not None for p in restored.parameters())
