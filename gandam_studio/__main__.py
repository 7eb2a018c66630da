"""Program entry: `python -m gandam_studio` is `gandam-studio`."""

from gandam_studio.starting import command

if __name__ == "__main__":
    command()
