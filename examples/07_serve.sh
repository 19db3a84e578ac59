#!/usr/bin/env bash
# A server, asked with curl as captioning and call-centre software asks it: a list in the request, a list that the server
# keeps, subtitles. Needs `pip install 'nemo-ctcbias[serve]'` and curl; ffmpeg, if it is there, for other recordings.
#   bash examples/07_serve.sh [RECORDING] [--model YOURS.nemo]
set -euo pipefail
cd "$(dirname "$0")/.."
recording=examples/data/demo/slt_01.flac
if [ $# -gt 0 ] && [ -f "$1" ]; then recording=$1 && shift; fi
work=$(mktemp -d)
nemo-ctcbias serve --model small --port 0 --lists "$work/lists" "$@" 2> "$work/log" &
server=$!
trap 'kill "$server" 2> /dev/null; wait "$server" || true; rm -rf "$work"' EXIT
until url=$(grep -o 'http://[^ ]*' "$work/log"); do
  kill -0 "$server" 2> /dev/null || { cat "$work/log"; exit 1; }
  sleep 0.2
done

# Whatever FFmpeg reads can be sent as it is, with the extra `audio`; a meeting's video is smaller without its picture.
if command -v ffmpeg > /dev/null; then
  ffmpeg -loglevel error -i "$recording" -vn -ac 1 -ar 16000 -y "$work/sound.flac" && recording=$work/sound.flac
fi

echo "== without a list"
curl -sS "$url/v1/audio/transcriptions" -F file=@"$recording" -F response_format=text
echo "== with names in the request"
curl -sS "$url/v1/audio/transcriptions" -F file=@"$recording" -F hotwords="Marisela Quillfeather, Okonkwo, 東京"
echo
echo "== a list that the server keeps: what the model makes of it, and subtitles with it"
curl -sS -X PUT "$url/v1/lists/demo" --data-binary @examples/data/demo/names.txt -o "$work/report.json"
python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["summary"])' "$work/report.json"
curl -sS "$url/v1/audio/transcriptions" -F file=@"$recording" -F list=demo -F response_format=srt
echo "the page: $url/"
