# `nemo-ctcbias serve` with the shipped model, on a CPU. See docs/serving.md.
FROM python:3.12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ cmake git && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY setup.py pyproject.toml README.md LICENSE ./
COPY nemo_ctcbias nemo_ctcbias
COPY hydra_plugins hydra_plugins
COPY examples/data examples/data
# The wheels of a CUDA build are several GB larger: --build-arg TORCH_INDEX=... names an index of CPU builds, if there is one.
ARG TORCH_INDEX=
RUN python -m venv /venv \
    && if [ -n "$TORCH_INDEX" ]; then /venv/bin/pip install --no-cache-dir --index-url "$TORCH_INDEX" torch; fi \
    && /venv/bin/pip install --no-cache-dir ".[lm,serve,audio]"

FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends libsndfile1 && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 server && mkdir /lists && chown server /lists
COPY --from=build /venv /venv
USER server
WORKDIR /home/server
ENV PATH=/venv/bin:$PATH HF_HUB_OFFLINE=1 NUMBA_CACHE_DIR=/tmp/numba
VOLUME /lists
EXPOSE 8000
HEALTHCHECK --interval=30s --start-period=180s CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/ready')"]
# Where others reach it, it asks for a token: docker run -e NEMO_CTCBIAS_TOKEN=...
CMD ["nemo-ctcbias", "serve", "--host", "0.0.0.0", "--lists", "/lists"]
