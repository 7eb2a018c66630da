"""The subcommands of `gandam-studio`, thin over `gandam_studio.core`."""
