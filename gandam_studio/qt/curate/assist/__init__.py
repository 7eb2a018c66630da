"""The Assist mode of Curate: pages of suggestions that the person corrects and accepts."""
