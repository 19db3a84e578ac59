import itertools
from pathlib import Path
from types import SimpleNamespace

from nemo_ctcbias.evaluation.ablation import PEERS, expand, joint_parts, missing_parts
from nemo_ctcbias.evaluation.registry import make_system
from nemo_ctcbias.evaluation.systems import Context

STOCK = SimpleNamespace()
FILES = {"adapter": Path("a.pt"), "lm": Path("lm.bin"), "phone_head": Path("head.pt")}


def test_a_stock_model_has_the_boosting_and_its_own_spelling():
    context = Context(STOCK)
    assert joint_parts(context) == ("hotword", "spot", "lookup", "verify")
    assert set(missing_parts(context)) == {"adapter", "boost-lm", "rescore"}
    assert expand(["ablation"], context) == (
        "greedy", "hotword", "hotword+spot", "hotword+verify", "hotword+lookup", "hotword+g2g",
        "hotword+spot+lookup", "joint",
    )  # fmt: skip


def test_everything_alone_then_added_one_by_one():
    systems = expand(["ablation"], Context(STOCK, **FILES))
    assert systems[:10] == (
        "greedy", "hotword", "adapter", "boost-lm", "hotword+spot", "adapter+spot",
        "hotword+rescore", "hotword+verify", "hotword+lookup", "hotword+g2g",
    )  # fmt: skip
    added = [set(name.split("+")) for name in systems[10:-1]]
    assert [len(parts) for parts in added] == [3, 4, 5, 6], "hotword and hotword+spot are there already"
    assert all(one < more for one, more in itertools.pairwise(added))
    assert systems[-1] == "joint" and added[-1] < set(joint_parts(Context(STOCK, **FILES)))
    for name in systems:
        make_system(name)


def test_the_usual_systems_are_peers_and_ours_as_far_as_the_model_has_them():
    assert expand(["usual"], Context(STOCK)) == ("greedy", *PEERS, "hotword", "joint")
    assert expand(["usual"], Context(STOCK, **FILES)) == ("greedy", "lm", *PEERS, "hotword", "adapter", "joint")
    for name in expand(["usual"], Context(STOCK, **FILES)):
        make_system(name)


def test_what_the_model_has_itself_counts():
    host = SimpleNamespace(get_enabled_adapters=lambda: ["names"])
    model = SimpleNamespace(context=host, has_phone_head=True)
    assert set(missing_parts(Context(model))) == {"boost-lm"}
    host.get_enabled_adapters = list
    assert set(missing_parts(Context(model))) == {"boost-lm", "adapter"}


def test_other_systems_stay_each_once():
    context = Context(STOCK, lm=Path("lm.bin"))
    names = expand(["nemo-ctc-ws", "ablation", "hotword", "joint"], context)
    assert names[0] == "nemo-ctc-ws" and names[-1] == "joint" and len(set(names)) == len(names)
