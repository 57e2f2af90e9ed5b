"""The laws are tested on the graph's desk."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "graphs"))
