"""The Versions screen: history, differences with pictures, commit, export, restore, verify."""
