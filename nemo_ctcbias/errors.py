"""Errors a user can act on: each message says where, what and what to do next."""


class BiasingError(Exception):
    """Base of all errors raised on purpose by this package; the CLI prints them on one line."""


class BiasListError(BiasingError, ValueError):
    """A bias list that cannot be read, or an unusable bias list argument."""


class ModelError(BiasingError, ValueError):
    """A checkpoint that cannot be loaded or cannot be biased."""


class AudioError(BiasingError, ValueError):
    """A recording that is missing, unreadable or empty."""


class SettingError(BiasingError, ValueError):
    """A configuration value or option that does not exist or is out of range."""


class LanguageModelError(SettingError):
    """A language model that cannot be read, or text that none can be estimated from."""


class PhoneticsError(BiasingError, ValueError):
    """A pronunciation, lexicon or phone model that cannot be used, or a word that cannot be pronounced."""


class ManifestError(BiasingError, ValueError):
    """A manifest that cannot be used; names the file and the line."""


class OutputError(BiasingError):
    """A file that cannot be written: a full disk, a missing folder, no permission."""


class MissingDependencyError(BiasingError, ImportError):
    """An optional package is needed; the message gives its install command."""


class WorkerError(BiasingError):
    """A process that recognised utterances beside this one is gone."""
