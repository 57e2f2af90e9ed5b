"""Lambda handlers to measure Stanch's beside: with nothing, with boto3, and plainly with the graph and the model."""
