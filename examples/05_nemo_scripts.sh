#!/usr/bin/env bash
# NeMo's own scripts, as NVIDIA wrote them, on a model with a list.
#
#     bash examples/05_nemo_scripts.sh PATH_TO_NEMO [OUTPUT_FOLDER]
#
# PATH_TO_NEMO is a checkout of NeMo, for its scripts do not come with `pip install`:
#
#     git clone --depth 1 https://github.com/NVIDIA-NeMo/NeMo
#
# Your own checkpoint (.nemo, CTC), list and NeMo manifest:
#
#     MODEL=x.nemo LIST=names.txt MANIFEST=test.json bash examples/05_nemo_scripts.sh PATH_TO_NEMO
set -euo pipefail

nemo=${1:-}
out=${2:-results/05_nemo_scripts}
data=$(dirname "$0")/data
model=${MODEL:-$data/fastconformer_ctc_small.nemo}
list=${LIST:-$data/demo/names.txt}
manifest=${MANIFEST:-$data/demo/manifest.json}

if [ ! -f "$nemo/examples/asr/transcribe_speech.py" ]; then
  echo "usage: bash $0 PATH_TO_NEMO [OUTPUT_FOLDER]" >&2
  echo "'$nemo' is no NeMo checkout; get one with: git clone --depth 1 https://github.com/NVIDIA-NeMo/NeMo" >&2
  exit 2
fi
mkdir -p "$out"

# Show a command and run it. NeMo says a lot: its words go to a file, whose end is shown if something fails.
run() {
  printf '\n$ python%s\n' "$(printf ' %s' "$@")"
  python "$@" > "$out/log.txt" 2>&1 || { tail -n 30 "$out/log.txt" >&2; exit 1; }
}
transcripts() { grep -m 3 -o '"pred_text": "[^"]*"' "$1"; }

# A stock checkpoint becomes a biased one; the list travels inside the .nemo.
run -c "
from nemo_ctcbias import from_ctc
model = from_ctc('$model')
model.set_bias_list('$list')
model.save_to('$out/biased.nemo')"

# Nothing is imported, patched or set: with the package installed, NeMo's scripts know what a biased model is.
files=("dataset_manifest=$manifest" "output_filename=$out/transcripts.json")
run "$nemo/examples/asr/transcribe_speech.py" "model_path=$out/biased.nemo" "${files[@]}"
transcripts "$out/transcripts.json"

# Another list for this run only, through NeMo's own options.
run "$nemo/examples/asr/transcribe_speech.py" "model_path=$out/biased.nemo" "${files[@]}" \
  ctc_decoding.strategy=pyctcdecode "ctc_decoding.beam.pyctcdecode_cfg.hotwords=[okonkwo,siprot]"
transcripts "$out/transcripts.json"

# Word error rates of the stock checkpoint and of ours. Names are written as the list writes them, capitals and all,
# and the manifest's transcripts are in lower case: both are compared in lower case.
for checkpoint in "$model" "$out/biased.nemo"; do
  run "$nemo/examples/asr/speech_to_text_eval.py" "model_path=$checkpoint" "${files[@]}" \
    text_processing.do_lowercase=true
  grep -o 'Dataset WER.*' "$out/log.txt"
done

# For much speech: on all GPUs by default. Here the options of the trainer make it one CPU; leave them out on GPUs.
run "$nemo/examples/asr/transcribe_speech_parallel.py" "model=$out/biased.nemo" "output_path=$out/parallel" \
  "predict_ds.manifest_filepath=$manifest" predict_ds.num_workers=0 \
  trainer.devices=1 trainer.accelerator=cpu trainer.strategy=auto trainer.logger=false
transcripts "$out/parallel/predictions_all.json"
