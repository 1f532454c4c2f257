"""Whether the platform that was asked for is there."""

import sys


def missing_platform() -> str | None:
    """Returns a sentence on the platform of `JAX_PLATFORMS` where JAX cannot start it, else None.

    For what an error means: it starts JAX's backends where nothing has done so yet.
    """
    jax = sys.modules.get("jax")
    asked = jax and jax.config.jax_platforms
    if not asked:
        return None
    try:
        jax.devices()
    except (AssertionError, RuntimeError) as error:
        # JAX has no word for a platform whose plugin is not installed.
        reason = str(error).partition(" (set JAX_PLATFORMS")[0] or "its plugin is not installed"
        return (f"JAX_PLATFORMS={asked} asks for a platform that is not here: {reason}; leave JAX_PLATFORMS out to take "
                "what there is, set it to cpu, or install the platform (pip install 'ganlab[cuda13]' or 'ganlab[tpu]')")
    return None
