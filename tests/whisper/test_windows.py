import torch
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.whisper.windows import in_windows, windows


@given(st.integers(1, 400), st.integers(3, 12), st.integers(1, 8))
def test_windows_keep_every_frame_once_with_its_surroundings(length, size, margin):
    size *= margin
    kept_until = 0
    cuts = list(windows(length, size, margin))
    for start, kept, end in cuts:
        assert kept == kept_until and kept < end
        assert start % margin == 0 and end - start <= size
        assert start == 0 or kept - start >= margin
        assert end == length or start + size - end >= margin
        kept_until = end
    assert kept_until == length
    # What is heard at the end is as long as elsewhere, to within a margin.
    assert len(cuts) == 1 or length - cuts[-1][0] > size - margin


@given(st.lists(st.integers(1, 90), min_size=1, max_size=5), st.integers(3, 6), st.sampled_from([1, 2]))
def test_a_module_with_less_sight_than_the_margin_is_the_same_in_windows(lengths, size, rate):
    margin, reach = 4, 1
    generator = torch.Generator().manual_seed(sum(lengths))
    x = torch.randn(len(lengths), max(lengths), 3, generator=generator)
    lengths = torch.tensor(lengths)
    x = x * (torch.arange(x.shape[1]) < lengths[:, None])[..., None]

    def smooth(part, left):
        part = part * (torch.arange(part.shape[1]) < left[:, None])[..., None]
        around = torch.nn.functional.pad(part, (0, 0, reach, reach)).unfold(1, 2 * reach + 1, 1).sum(-1)
        return around[:, ::rate]

    out = in_windows(smooth, x, lengths, size * margin, margin, rate)
    whole = smooth(x, lengths)
    for row, length in enumerate((-(-lengths // rate)).tolist()):
        torch.testing.assert_close(out[row, :length], whole[row, :length])


def test_short_recordings_are_one_window_whatever_the_batch_holds():
    seen = []

    def count(part, left):
        seen.append(left.tolist())
        return part

    x = torch.randn(2, 50, 1)
    out = in_windows(count, x, torch.tensor([7, 50]), 20, 4)
    assert next(length for call in seen for length in call) == 7
    torch.testing.assert_close(out[1], x[1])
    torch.testing.assert_close(out[0, :7], x[0, :7])
