"""The command `tokenwidgets`, one sub-command a file; each imports what it needs when it is run."""
