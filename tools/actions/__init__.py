"""One file per action, found by discovery; the id of an action is the name of its module."""
