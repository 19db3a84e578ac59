"""Lists by name: checked as check-list does, there after a restart, never anything but lists."""

import pytest

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.serve.named_lists import NamedLists


def test_kept_checked_and_forgotten(http, served, tiny_model):
    sent = "saoirse\n東京\nfremont\t2\n"
    first = http.put("/v1/lists/my-names", content=sent)
    assert first.status_code == 201 and first.json()["used"] == ["saoirse", "fremont"]
    notes = tiny_model.check_bias_list(BiasList.read(sent, "my-names"))
    assert [str(note) for note in notes] == [
        f"{one['where']}: {one['phrase']!r} {one['reason']}; {one['remedy']}"
        for level in ("dropped", "changed", "warning")
        for one in first.json()[level]
    ]
    again = http.put("/v1/lists/my-names", json=[{"text": "saoirse", "spoken": ["sersha"]}, "daft"])
    assert again.status_code == 200 and again.json()["summary"].startswith("2 phrases; 0 dropped")
    assert NamedLists(served.lists).get("my-names") == BiasList([{"text": "saoirse", "spoken": ["sersha"]}, "daft"])
    told = http.get("/v1/lists/my-names").json()
    assert told["entries"] == [
        {"text": "saoirse", "weight": 1.0, "spoken": ["sersha"]},
        {"text": "daft", "weight": 1.0},
    ]
    assert {"name": "my-names", "phrases": 2} in http.get("/v1/lists").json()["data"]
    assert http.delete("/v1/lists/my-names").status_code == 204
    assert http.get("/v1/lists/my-names").status_code == http.delete("/v1/lists/my-names").status_code == 404
    assert "my-names" not in NamedLists(served.lists).names()


def test_check_keeps_nothing(http):
    before = http.get("/v1/lists").json()
    assert (
        http.post("/v1/lists/check", content="東京\ndaft").json()["summary"]
        == "2 phrases; 1 dropped, 0 changed, 0 warnings"
    )
    assert http.get("/v1/lists").json() == before


@pytest.mark.parametrize("name", ["..", ".hidden", "a.b", "%2e%2e%2fx", "a" * 65, "ä", "a%00", "-a"])
def test_names_are_no_paths(http, served, name):
    before = sorted(served.lists.parent.rglob("*"))
    assert http.put(f"/v1/lists/{name}", content="daft").status_code in (400, 404, 405)
    assert sorted(served.lists.parent.rglob("*")) == before


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b", b"a\tb\tc", b'{"text": 1}'])
def test_what_is_no_list_is_refused(http, content):
    answer = http.put("/v1/lists/x", content=content)
    assert answer.status_code == 400 and answer.json()["error"]["message"]
    assert http.get("/v1/lists/x").status_code == 404
