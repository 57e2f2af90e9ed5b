"""Exams: cases, worlds, scorers and reports; everything that replays a corpus."""
