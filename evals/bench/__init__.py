"""What Stanch costs: ratios measured in one run beside simpler things on the same machine."""
