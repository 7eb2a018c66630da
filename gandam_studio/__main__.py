"""Program entry: `python -m gandam_studio` is `gandam-studio`."""

from gandam_studio.cli import main

if __name__ == "__main__":
    main()
