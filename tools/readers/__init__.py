"""Reads one finding again, one file for each service that keeps findings."""
