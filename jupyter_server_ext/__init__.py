"""The Jupyter server extension of tokenwidgets."""
