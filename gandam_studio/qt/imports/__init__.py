"""Importing in the window: from disk, drag and drop or the clipboard, with a sheet dialog and a report."""
