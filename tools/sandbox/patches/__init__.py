"""What moto does wrong, put right: every replaced symbol stands in `mechanism.PATCHES`."""

import importlib
import pkgutil

for _found in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_found.name}")


def enforce_iam() -> None:
    """Every request is checked for signature and permission from now on."""
    import moto.settings
    from moto.core.authorization import ActionAuthenticatorMixin

    moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
    ActionAuthenticatorMixin.request_count = 0
