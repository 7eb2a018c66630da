"""What the Studio and the trainer agree on: files, settings, events and manifests. Needs neither torch nor Qt."""
