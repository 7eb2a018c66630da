"""The Duplicates screen: groups as cards, pixel comparison of two sprites, decisions by shortcut or by rules."""
