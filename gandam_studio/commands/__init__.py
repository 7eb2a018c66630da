"""The subcommands of `gandam-studio`, on top of `gandam_studio.core`."""
