"""``python -m seisml.cli`` is ``seisml``."""

from seisml.cli import main

main()
