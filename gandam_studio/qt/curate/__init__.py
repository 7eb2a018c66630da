"""The Curate screen: a gallery made for fast work with the keyboard."""
