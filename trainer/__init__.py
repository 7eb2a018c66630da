"""A GAN trainer for run folders, independent of the Studio: `python -m trainer train RUN_DIR`."""
