"""One file per service: what a world may say about it, and how that is put into the sandbox."""
