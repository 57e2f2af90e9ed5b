"""Nouns: what the service knows and decides, with no AWS client and no graph library."""
