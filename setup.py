import sys
from pathlib import Path

from setuptools import find_namespace_packages, setup

here = Path(__file__).parent
version = next(
    line.split('"')[1]
    for line in (here / "nemo_ctcbias" / "__init__.py").read_text(encoding="utf-8").splitlines()
    if line.startswith("__version__")
)

# There are no wheels of it: it takes a C++ compiler, and a Python that what Cython 0.29 made of it compiles for.
lm = ['kenlm>=0.2; python_version < "3.13"']
# For its decoder interface and the comparison with it.  It says numpy<2, of which there are no wheels for Python 3.13,
# and under numpy 1.26 NeMo only imports with pyarrow before 26.  In an environment with numpy 2:
# `pip install --no-deps pyctcdecode==0.5.0 pygtrie`.
old_numpy = ["pyctcdecode==0.5.0", "numpy>=1.24,<2", "pyarrow<26"]
pyctcdecode = [*lm, *(f'{one}; python_version < "3.13"' for one in old_numpy)]
numbers = ["num2words>=0.5.13", "babel>=2.12"]  # the first under the LGPL: beside the package, never in it
plot = ["matplotlib>=3.6"]
audio = ["av>=11"]  # m4a, aac and what else FFmpeg reads
serve = ["fastapi>=0.115", "uvicorn>=0.30", "websockets>=13", "python-multipart>=0.0.18", "prometheus-client>=0.20"]
test = ["pytest>=7", "pytest-xdist>=3.7", "hypothesis>=6.80", "httpx>=0.27", "openai>=1.40"]
dev = ["ruff>=0.6"]

# The default model with its parts, so that it is there without the checkout, too: in share/nemo-ctcbias.
sys.path.insert(0, str(here))
from nemo_ctcbias.shipped import DEFAULT, INSTALLED, SHIPPED  # noqa: E402 (imports nothing but the standard library)

default = [name for name in vars(SHIPPED[DEFAULT]).values() if name is not None]

setup(
    name="nemo-ctcbias",
    version=version,
    description="Contextual biasing for NVIDIA NeMo CTC models: say which names matter, and they come out right",
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    # Said outright, so that `pip install -e` adds the checkout to the path: Hydra cannot scan what it links otherwise.
    package_dir={"": "."},
    packages=find_namespace_packages(include=["nemo_ctcbias", "nemo_ctcbias.*", "hydra_plugins.*"]),
    package_data={
        "nemo_ctcbias.phones": ["data/*"],  # the G2P model and its card
        "nemo_ctcbias.evaluation": ["page/*"],  # what the HTML report is made of
        "nemo_ctcbias.serve": ["page/*"],  # the page of the server
    },
    data_files=[(INSTALLED, [f"examples/data/{name}" for name in default])],
    install_requires=[
        # From the oldest to the newest release that the tests run with. Nothing else has an upper bound: pip replaces
        # what lies beyond one, and whoever has NeMo is to keep what they have.
        "nemo_toolkit[asr]>=2.6,<3.1",
        "torch>=2.6",
        "omegaconf>=2.3",
        "hydra-core>=1.3",
        "numba>=0.57",
        "numpy>=1.24",
        "soundfile>=0.12",
        "librosa>=0.10",
        "tqdm>=4.60",
        "kaldialign>=0.9",
        "anyascii>=0.3",
        "platformdirs>=3",
    ],
    extras_require={
        "lm": lm,
        "pyctcdecode": pyctcdecode,
        "numbers": numbers,
        "plot": plot,
        "audio": audio,
        "serve": serve,
        "test": test,
        "dev": dev,
        "all": pyctcdecode + numbers + plot + audio + serve + test + dev,
    },
    entry_points={"console_scripts": ["nemo-ctcbias = nemo_ctcbias.cli:main"]},
    classifiers=[
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Multimedia :: Sound/Audio :: Speech",
    ],
)
