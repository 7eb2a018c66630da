"""GANdam Studio: curate sprites into versioned data sets, train GANs on them, and know what they are doing."""

__version__ = "0.1.0"
