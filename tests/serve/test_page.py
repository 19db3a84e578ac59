"""The page at /, as somebody uses it who has a browser, a keyboard and a microphone."""

import json
import re

import pytest
from browser import CHROMIUM, Browser

from nemo_ctcbias.commands.formats import FORMATS
from nemo_ctcbias.commands.transcripts import Transcript, Word

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
NASTY = "<img src=x onerror=alert()>"


@pytest.fixture(scope="module")
def browser(tmp_path_factory, noise_wavs):
    found = Browser(tmp_path_factory.mktemp("browser") / "profile", noise_wavs[3])
    yield found
    found.close()


@pytest.fixture
def page(browser, served):
    yield from opened(browser, served.url)


@pytest.fixture
def attending_page(browser, attending):
    yield from opened(browser, attending.url)


def opened(browser, url):
    """The page, fresh; in the end, that it has thrown nothing and asked nobody else."""
    browser.view(1280)
    browser.events.clear()
    browser.open(f"{url}/")
    browser.run("localStorage.clear(), sessionStorage.clear()")
    browser.open(f"{url}/?again")
    browser.run("started")  # else what it still fills would get in between
    yield browser
    browser.run("0")  # what has happened meanwhile
    thrown = [one for one in browser.events if one["method"] == "Runtime.exceptionThrown"]
    asked = [one["params"]["request"]["url"] for one in browser.events if one["method"] == "Network.requestWillBeSent"]
    assert not thrown
    assert asked and all(one.startswith((url, "data:", "blob:")) for one in asked), "it needs no network"


def write(page, names):
    value = json.dumps(names)
    page.run(f"byId('names').value = {value}, byId('names').dispatchEvent(new Event('input'))")


def transcribed(page):
    page.run("byId('form').requestSubmit()")
    page.wait("byId('state').textContent.startsWith('Done')")
    return page.run("state.answer"), page.run("state.without")


def text(page, name):
    return " ".join(page.run(f"byId('{name}').textContent").split())


def test_a_file_and_names(page, noise_wavs, ask):
    page.choose("#file", noise_wavs[0])
    write(page, f"saoirse\n東京\nfremont\t1.5\n{NASTY}")
    page.wait("byId('names-summary').textContent.includes('4 phrases; 2 dropped')")
    assert "東京 (line 2)" in text(page, "names-notes")
    answer, without = transcribed(page)
    assert answer["text"] == ask(hotwords=f"saoirse\nfremont\t1.5\n{NASTY}").json()["text"]
    assert without["text"] == ask(hotwords="[]").json()["text"] and answer["hits"]
    assert (text(page, "with"), text(page, "without")) == (answer["text"], without["text"])
    marks = page.run("[...document.querySelectorAll('#with mark')].map((one) => one.textContent)")
    assert " ".join(marks).split() == [hit["phrase"] for hit in answer["hits"]]
    changed = page.run("[...document.querySelectorAll('#with ins')].map((one) => one.textContent).join(' ')").split()
    same = page.run("[...document.querySelectorAll('#with > span')].map((one) => one.textContent).join(' ')").split()
    assert sorted(changed + same) == sorted(answer["text"].split()) and changed
    assert f"{len(answer['hits'])}" == str(page.run("document.querySelectorAll('#hits tbody tr').length"))
    assert "2 of 4 names were listened for" in text(page, "unused")
    assert answer["alternatives"][1]["text"] in text(page, "alternatives")
    assert "no contextual adapter" in text(page, "attention")
    assert page.run("document.querySelectorAll('img').length") == 0


def test_hits_play_their_place(page, noise_wavs):
    page.choose("#file", noise_wavs[1])
    write(page, "saoirse\ndaft")
    answer, _ = transcribed(page)
    page.wait("byId('player').readyState >= 2")
    last = len(answer["hits"]) - 1
    page.run(f"document.querySelectorAll('#hits .play')[{last}].click()")
    start, end = answer["hits"][last]["start"], answer["hits"][last]["end"]
    page.wait(f"byId('player').currentTime >= {max(0, start - 0.15)}")
    page.wait("byId('player').paused")
    assert page.run("byId('player').currentTime") < end + 1.5


def test_where_the_adapter_looked(attending_page, noise_wavs):
    page = attending_page
    page.choose("#file", noise_wavs[0])
    write(page, "saoirse\nnew york")
    answer, _ = transcribed(page)
    seen = answer["attention"]
    shown = page.run("[...document.querySelectorAll('#attention .rows:not(.peak) span')].map((one) => one.textContent)")
    assert shown == seen["phrases"] and len(shown) == 3
    drawn = """(({ width, height }, pixels) => [width, height, pixels])(document.querySelector('#attention canvas'),
      [...document.querySelector('#attention canvas').getContext('2d').getImageData(0, 0, 9999, 3).data])"""
    width, height, pixels = page.run(drawn)
    assert (width, height) == (len(seen["weights"][0]) // 2, 3)
    for row, digits in enumerate(seen["weights"]):
        for frame in range(width):  # how opaque a place is: as much as there was attention
            opaque = pixels[4 * (9999 * row + frame) + 3] / 255
            assert opaque == pytest.approx(int(digits[2 * frame : 2 * frame + 2]) / 99, abs=0.01)
    page.wait("byId('player').readyState >= 2")
    page.run("""(({ left, width }) => document.querySelector('#attention canvas').dispatchEvent(
      new MouseEvent('click', { clientX: left + width / 2 })))(
      document.querySelector('#attention canvas').getBoundingClientRect())""")
    page.wait("byId('player').currentTime >= 0.85")
    page.wait("byId('player').paused")


def test_a_name_of_one_token_is_marked(page):
    """NeMo's word ends where its last token begins, and a hit begins there."""
    words = [{"word": "to", "start": 0.0, "end": 0.8}, {"word": "Ann.", "start": 0.8, "end": 1.04}]
    hits = [{"phrase": "Ann", "start": 1.04, "end": 1.12}, {"phrase": "Ann", "start": 5, "end": 6}]
    answer = json.dumps({"words": words, "hits": hits})
    hits = page.run(f"wordsOf({answer}).map((one) => one.hit?.start ?? null)")
    assert hits == [None, 1.04]


def test_downloads(page, noise_wavs):
    page.choose("#file", noise_wavs[0])
    write(page, "saoirse")
    answer, _ = transcribed(page)
    page.run("globalThis.saved = [], globalThis.made = URL.createObjectURL")
    page.run("URL.createObjectURL = (blob) => (saved.push(blob), made(blob))")
    page.run("byId('download-srt').click(), byId('download-json').click()")
    srt, whole = page.run("Promise.all(saved.map((one) => one.text()))")
    words = tuple(Word(one["word"], one["start"], one["end"]) for one in answer["words"])
    assert srt == FORMATS["srt"].write(Transcript(None, "", words=words), False) and json.loads(whole) == answer
    page.run("navigator.clipboard.writeText = (text) => (saved.text = text, Promise.resolve()), byId('copy').click()")
    page.wait("byId('copied').textContent === 'Copied.'")
    assert page.run("saved.text") == answer["text"]


def test_a_microphone_and_a_keyboard(page):
    """Nothing is clicked: tab to each control, and press it."""
    order = []
    for _ in range(5):
        page.key("Tab")
        order.append(page.run("document.activeElement.id || document.activeElement.className"))
    assert order == ["skip", "record", "file", "names", "go"]
    page.run("byId('record').focus()")
    page.key(" ")
    page.wait("byId('record-state').textContent === '2 s'")
    assert page.run("byId('record').getAttribute('aria-pressed')") == "true"
    page.key(" ")
    page.wait("byId('record-state').textContent.includes('recorded')")
    page.run("byId('names').focus()")
    page.send("Input.insertText", text="saoirse")
    page.wait("byId('names-summary').textContent.includes('1 phrase;')")
    page.key("Enter", modifiers=2)
    page.wait("byId('state').textContent.startsWith('Done')")
    assert page.run("state.answer.duration") > 1.5 and page.run("state.answer.text")
    assert page.run("document.activeElement.id") == "result-title"
    page.open(page.run("location.href") + "2")
    assert page.run("byId('names').value") == "saoirse", "names are there the next time"


def test_what_is_missing_or_wrong_is_said(page, tmp_path):
    for told in ("Record something", "Type a name"):
        page.run("byId('form').requestSubmit()")
        page.wait(f"byId('state').textContent.includes({json.dumps(told)})")
        (tmp_path / "no.wav").write_bytes(b"no audio")
        page.choose("#file", tmp_path / "no.wav")
    write(page, "saoirse")
    page.run("byId('form').requestSubmit()")
    page.wait("byId('state').textContent.includes('convert it to wav')")
    write(page, '[{"text": 1}]')
    page.wait("byId('names-notes').textContent.includes('must be a string')")


def test_kept_lists(page, noise_wavs, http):
    http.put("/v1/lists/kept", content="saoirse\ndaft")
    page.run("fillKept()")
    page.run("byId('kept').value = 'kept'")
    page.run("fillKept()")  # as when another one was kept: what is chosen stays
    assert page.run("byId('kept').value") == "kept"
    page.run("answer = ask, ask = () => new Promise(done => setTimeout(() => done({ data: [] }), 50))")
    late = page.run("late = fillKept(), ask = answer, fillKept().then(() => late).then(() => byId('kept').value)")
    assert late == "kept", "an answer from before does not count"
    page.choose("#file", noise_wavs[0])
    answer, _ = transcribed(page)
    assert answer["bias_list"]["used"] == ["saoirse", "daft"]
    http.delete("/v1/lists/kept")


@pytest.mark.parametrize("dark", [False, True])
def test_it_can_be_read_on_a_phone_in_light_and_dark(page, noise_wavs, dark):
    page.view(360, 740, dark)
    page.choose("#file", noise_wavs[0])
    write(page, f"saoirse\n{'x' * 200}")
    transcribed(page)
    assert page.run("document.documentElement.scrollWidth") <= 360
    small = page.run("[...document.querySelectorAll('button, input, select')].filter((one) => one.offsetParent && "
                     "!one.closest('mark, .scroll') && one.getBoundingClientRect().height < 40).length")  # fmt: skip
    assert small == 0, "fingers are larger"
    for name in ("body", ".panel", "#with ins", "#without del", "#go", ".notes .warning, .notes .dropped"):
        assert contrast(page, name) >= 4.5, name


def contrast(page, selector):
    """Of an element's text and what lies behind it, as WCAG computes it."""
    script = f"""((element) => {{
      const behind = [];
      for (let one = element; one; one = one.parentElement) behind.push(getComputedStyle(one).backgroundColor);
      return [getComputedStyle(element).color, behind.find((one) => !one.endsWith(", 0)"))];
    }})(document.querySelector({json.dumps(selector)}))"""
    shades = []
    for colour in page.run(script):
        parts = [int(one) / 255 for one in re.findall(r"\d+", colour)[:3]]
        linear = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
        shades.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(shades) + 0.05) / (min(shades) + 0.05)


def test_a_token_is_asked_for(browser, serve, tiny_model):
    one = serve(tiny_model, token="a-secret-of-ours")
    browser.view(1280)
    browser.open(f"{one.url}/")
    browser.wait("!byId('token-line').hidden && byId('state').textContent.includes('token')")
    browser.run("byId('token').value = 'a-secret-of-ours', byId('token').dispatchEvent(new Event('change'))")
    browser.wait("byId('about').textContent.includes('tiny')")
