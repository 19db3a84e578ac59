import numba
import pytest

from nemo_ctcbias.compiled import compiled


def double(number):
    return 2 * number


def test_functions_run_where_no_code_can_be_kept(monkeypatch):
    assert compiled(double)(21) == 42
    usual = numba.njit

    def no_place(**options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'double': no locator available")
        return usual(**options)

    monkeypatch.setattr(numba, "njit", no_place)
    with pytest.raises(RuntimeError, match="no locator"):
        numba.njit(cache=True)
    assert compiled(double)(21) == 42
