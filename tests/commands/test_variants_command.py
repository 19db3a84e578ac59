from nemo_ctcbias.cli import main


def test_a_bad_word_does_not_stop_the_others(capsys):
    assert main(["variants", "Catherine", "47", "Anna", "-n", "2"]) == 1
    found = capsys.readouterr()
    spellings = [line.split()[2] for line in found.out.splitlines()]
    assert len(spellings) == 4 and (spellings[0], spellings[2]) == ("Catherine", "Anna")
    assert found.err.startswith("nemo-ctcbias: ") and "47" in found.err and found.err.count("\n") == 1
