"""The command line as ``python -m seisml``, for where no script is on the path."""

from seisml.cli import main

if __name__ == "__main__":
    main()
