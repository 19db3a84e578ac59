"""One evaluation: same checkpoint, same lists, every system beside its peers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from nemo_ctcbias.bias_list.report import in_short, serious
from nemo_ctcbias.errors import MissingDependencyError, SettingError
from nemo_ctcbias.evaluation import report
from nemo_ctcbias.evaluation.ablation import expand, missing_parts
from nemo_ctcbias.evaluation.findings import Evaluation
from nemo_ctcbias.evaluation.lists import GIVEN, WORDLESS, GivenList, ListBuilder
from nemo_ctcbias.evaluation.logprobs import Item, encode, load_model, model_hash
from nemo_ctcbias.evaluation.manifest import read_manifest
from nemo_ctcbias.evaluation.options import ABLATION, USUAL, EvaluateOptions
from nemo_ctcbias.evaluation.rare_words import read_words
from nemo_ctcbias.evaluation.registry import is_own, make_system
from nemo_ctcbias.evaluation.runner import run_system, subset
from nemo_ctcbias.evaluation.signature import signature
from nemo_ctcbias.evaluation.systems import Context, Phrases, Setting, System
from nemo_ctcbias.evaluation.tuning import Tuning, tune
from nemo_ctcbias.settings import Settings, clean, overlaid
from nemo_ctcbias.settings_file import read_settings
from nemo_ctcbias.shipped import Shipped, checkpoint, shipped, shipped_file
from nemo_ctcbias.whole_files import make_folder


def evaluate(options: EvaluateOptions, model: Any = None, shared: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Measure all systems at all list sizes, write the results to `options.out` and return the rows of results.json.

    Args:
        model: a loaded NeMo CTC model to use in place of `options.model`.
        shared: a dictionary, empty at first, that keeps what does not depend on lists and variants (phone log-probs,
            pronunciations, spellings) for further evaluations of the same manifest and model with the same files and
            settings.

    Raises:
        BiasingError: one of its kinds for anything a user can put right; the message says where and how.
    """
    make_folder(options.out)
    if options.cache is not None:
        make_folder(options.cache)
    for name in options.systems:  # bad names stop before minutes of encoding
        if name not in (ABLATION, USUAL):
            make_system(name)
    files = options.bias_list, options.distractors, options.word_counts
    builder = ListBuilder.of_files(*files, options.seed, options.rare_at_most)
    if builder.given is not None:
        options = replace(options, list_kind=GIVEN, list_sizes=(len(builder.given),))
    rows, skipped = read_manifest(options.manifest, wordless=options.list_kind in WORDLESS)
    tune_rows, tune_skipped = read_manifest(options.tune_on) if options.tune_on else ([], [])
    _refuse_overlap(options, rows, tune_rows)
    rows, tune_rows = rows[: options.limit], tune_rows[: options.limit]
    if options.cased and not any(char.isupper() for row in rows for char in row["text"]):
        raise SettingError(f"{options.manifest}: --cased needs transcripts with case and punctuation; these have none")
    builder.build(rows, options.list_kind, max(options.list_sizes))  # a list that cannot be built stops here, too

    model, context = _model_and_context(options, model, {} if shared is None else shared)
    wanted, options = options.systems, replace(options, systems=expand(options.systems, context))
    items, unreadable = encode(model, rows, options.cache, options.progress)
    line = signature(options, context, model_hash(model), builder.pool)
    result = Evaluation(options, items, line)
    result.skipped += [(options.manifest.name, skip) for skip in (*skipped, *unreadable)]
    if ABLATION in wanted:
        gaps = missing_parts(context).items()
        result.left_out += [(part, None, f"needs {what}, which is not there") for part, what in gaps]
    ready = _prepare(context, result)
    if builder.given is not None:
        result.notes += _unused(ready, builder.given)
    settings = {system.name: dict(system.default) for system in ready}
    if tune_rows:
        tune_items, unreadable = encode(model, tune_rows, options.cache, options.progress)
        result.skipped += [(options.tune_on.name, skip) for skip in (*tune_skipped, *unreadable)]
        settings |= _tune_all(ready, tune_items, builder, context, result)
    return _measured(ready, settings, builder, context, result)


def _measured(
    ready: Sequence[System], settings: Mapping[str, Setting], builder: ListBuilder, context: Context, result: Evaluation
) -> list[dict[str, Any]]:
    """All systems at all list sizes; what is there is written after each, should the next, hours long, be cut short."""
    options, items = result.options, result.items
    plain = make_system("greedy")
    plain.prepare(context)
    result.unlisted = run_system(plain, items, [()] * len(items), [{}], None, "no list", options.progress)[0].hypotheses
    rows: list[dict[str, Any]] = []
    for size in options.list_sizes:
        lists = builder.build([item.row for item in items], options.list_kind, size)
        for system in ready:
            _measure(system, size, lists, settings[system.name], result)
            rows = report.write(result)
    return rows


def _model_and_context(options: EvaluateOptions, model: Any, shared: dict[str, Any]) -> tuple[Any, Context]:
    """The model, loaded if none was given, and what systems may use beside it."""
    brings = shipped(options.model) if model is None else Shipped("")
    model = load_model(checkpoint(options.model)) if model is None else model
    context = context_of(model, brings, options.adapter, options.lm, options.phone_head, options.settings)
    return model, replace(
        context,
        beam_width=options.beam_width,
        token_lm=options.token_lm,
        pronunciations=options.pronunciations or context.pronunciations,
        variants=options.variants or context.variants,
        shared=shared,
        words=read_words(options.lexicon),
    )


def context_of(
    model: Any,
    brings: Shipped = Shipped(""),
    adapter: Path | None = None,
    lm: Path | None = None,
    phone_head: Path | None = None,
    settings: Path | None = None,
) -> Context:
    """A model with its settings and files; a shipped one brings its own where none are given.

    Raises:
        SettingError: a file of settings that cannot be used, or says what is none of its business here.
    """
    adapter, lm = adapter or shipped_file(brings.adapter), lm or shipped_file(brings.language_model)
    phone_head = phone_head or shipped_file(brings.phone_head)
    biasing = biasing_of(model, settings)
    acting = Settings.of(biasing)
    own = acting.lm.path if acting.lm.enabled else None
    phonetics = acting.phonetics
    return Context(
        model,
        adapter=adapter,
        lm=lm or (Path(own) if own else None),
        phone_head=phone_head,
        pronunciations=Path(phonetics.lexicon) if phonetics.lexicon else None,
        variants=phonetics.variants if phonetics.variants > 1 else Context.variants,
        biasing=biasing,
    )


def biasing_of(model: Any, path: Path | None) -> dict[str, Any]:
    """The `biasing` section of a biased model, or none, overlaid by that of a file.

    Raises:
        SettingError: a file that cannot be used, or that says what is none of its business here.
    """
    given = clean(read_settings(path) if path else {})
    for value, key, instead in (
        (given.get("bias_list"), "bias_list", "lists are made for the manifest"),
        (given.get("lm", {}).get("path"), "lm.path", "give it as --lm"),
    ):
        if value is not None:
            raise SettingError(f"{path}: biasing.{key} is not used here; {instead}")
    own = OmegaConf.to_container(model.cfg.biasing) if hasattr(model, "set_bias_list") else {}
    found = overlaid(own, given)
    Settings.of(found)
    return found


def _refuse_overlap(options: EvaluateOptions, rows: Sequence[dict], tune_rows: Sequence[dict]) -> None:
    """Tuning on test utterances would make every figure worthless."""
    files = {row["audio_filepath"] for row in rows}
    shared = [row["id"] for row in tune_rows if row["audio_filepath"] in files]
    if shared:
        raise SettingError(
            f"{options.tune_on}: {len(shared)} recordings are also in the test manifest (first: {shared[0]}); "
            "tune on other speech"
        )


def _prepare(context: Context, result: Evaluation) -> list[System]:
    """Systems that can run; a peer that is not installed or cannot run here becomes a reported gap."""
    ready = []
    for system in map(make_system, result.options.systems):
        try:
            system.prepare(context)
        except (MissingDependencyError, SettingError) as error:
            if is_own(system.name):
                raise
            result.left_out.append((system.name, None, str(error)))
        else:
            ready.append(system)
    if not ready:
        raise SettingError(f"no system can run: {result.left_out[0][2]}")
    return ready


def _unused(systems: Sequence[System], given: GivenList) -> list[tuple[str, int, str]]:
    """How much of a user's list our last system cannot use, as a remark on it."""
    own = [system for system in systems if is_own(system.name)]
    notes = own[-1].report_on(given) if own else ()
    told = in_short(given.bias_list.source, notes, len(given.bias_list))
    return [(own[-1].name, len(given), told)] if serious(notes) else []


def _tune_all(
    systems: Sequence[System], items: list[Item], builder: ListBuilder, context: Context, result: Evaluation
) -> dict[str, Setting]:
    """Chosen setting of each system, at the first list size."""
    options = result.options
    # On lists without any spoken word the weakest bias is always best: the damage of the usual setting is asked for.
    kind = "utterance" if options.list_kind in WORDLESS else options.list_kind
    lists = builder.build([item.row for item in items], kind, options.list_sizes[0])
    greedy = make_system("greedy")
    greedy.prepare(context)
    base = run_system(greedy, items, lists, [{}], None, "tune greedy", options.progress)[0]
    few = subset(items, options.slow_utterances, options.seed)
    tried: dict[str, Tuning] = {}
    for system in systems:
        name = system.tuned_by or system.name
        if name not in tried:
            tuned = system
            if system.tuned_by:
                tuned = make_system(name)
                tuned.prepare(context)
            positions = few if system.tune_on_subset else None
            tried[name] = tune(tuned, items, lists, base, positions, options.progress)
        result.tunings[system.name] = tried[name]
    return {name: tuning.chosen for name, tuning in result.tunings.items()}


def _measure(system: System, size: int, lists: Sequence[Phrases], setting: Setting, result: Evaluation) -> None:
    options = result.options
    if system.never_from is not None and size >= system.never_from:
        reason = f"too slow for lists of {system.never_from} and more: its time grows with the list"
        result.left_out.append((system.name, size, reason))
        return
    positions = None
    if system.slow_from is not None and size >= system.slow_from and len(result.items) > options.slow_utterances:
        positions = subset(result.items, options.slow_utterances, options.seed)
        note = f"slow at this size: measured on {len(positions)} of {len(result.items)} utterances"
        result.notes.append((system.name, size, note))
    label = f"{system.name} N={size}"
    runs = run_system(
        system, result.items, lists, [setting], positions, label, options.progress, result.unlisted, options.cased
    )
    result.runs[system.name, size] = runs[0]
