"""The anywidget classes."""
