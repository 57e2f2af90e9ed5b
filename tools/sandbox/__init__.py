"""The embedded AWS: moto, extended with what it lacks and corrected where it is wrong, one world per process."""
