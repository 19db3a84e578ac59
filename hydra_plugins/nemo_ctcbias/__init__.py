"""Makes Hydra look inside: it scans packages only, and this folder is one only with this file."""
