"""Rows of forms: a label and the field that it names."""

from __future__ import annotations

from PySide6.QtWidgets import QFormLayout, QLabel, QLayout, QWidget


def add_row(form: QFormLayout, text: str, field: QWidget | QLayout, named: QWidget | None = None) -> QLabel:
    """Add a row. Its label, whose "&" marks a key, leads to `named` (without one, to the field) and names it."""
    label = QLabel(text)
    if isinstance(field, QWidget):
        form.addRow(label, field)
        named = named or field
    else:
        form.addRow(label, field)
    if text and named is not None:
        label.setBuddy(named)
        named.setAccessibleName(text.replace("&", ""))
    return label
