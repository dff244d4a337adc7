"""Finding a model that somebody typed."""

from difflib import get_close_matches

from mockserver.cli.main import Misuse
from mockserver.core.catalog import Model
from mockserver.schemas import catalog

EXAMPLE = catalog().all_models()[0].id
"""The model that help texts show."""


def model_named(name: str) -> Model:
    """The model with this id.

    Raises:
        Misuse: there is none; names the ones that look alike.
    """
    models = {model.id: model for model in catalog().all_models()}
    if name in models:
        return models[name]
    alike = get_close_matches(name.lower(), models, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(alike)}?" if alike else "mockserver models lists them"
    msg = f'there is no model "{name[:80]}"; {hint}'
    raise Misuse(msg)
