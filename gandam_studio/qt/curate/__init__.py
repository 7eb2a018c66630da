"""The Curate screen: a gallery that keeps up with a hand on the keyboard."""
