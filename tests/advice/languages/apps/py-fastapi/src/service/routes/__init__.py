import importlib
import pkgutil


def load(app):
    for module in pkgutil.iter_modules(__path__):
        app.include_router(importlib.import_module(f"{__name__}.{module.name}").router)
