"""Whether the platform that was asked for exists here."""

import sys


def missing_platform() -> str | None:
    """Returns a sentence on the platform of `JAX_PLATFORMS` if JAX cannot start it, else None.

    Call it to explain an error: it starts JAX's backends if nothing has started them yet.
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
        return (f"JAX_PLATFORMS={asked} asks for a platform that is not here: {reason}; leave "
                "JAX_PLATFORMS out to take an accelerator if there is one, set it to cpu, or "
                "install the platform (pip install 'ganlab[cuda13]' or 'ganlab[tpu]')")
    return None
