"""The ways in: the command line, and what Lambda calls."""
