"""What moto lacks, one file for each service."""

import importlib
import pkgutil

for _, _name, _ in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_name}")
