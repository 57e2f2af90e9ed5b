"""One file per evidence source, found by discovery; the name of a source is the name of its module."""
