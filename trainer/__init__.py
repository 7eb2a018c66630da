"""A GAN trainer that knows run folders, not the Studio: `python -m trainer train RUN_DIR`."""
