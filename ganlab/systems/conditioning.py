"""What `system.conditioning` asks of the data and of a critic, checked before anything compiles."""

from collections.abc import Mapping
from typing import Any

from ganlab.config import ConfigError
from ganlab.game import Network
from ganlab.losses import LABEL_LOSSES
from ganlab.systems.parts import across_penalties
from ganlab.systems.regularizations import ACROSS

HEAD_OF = {"auxiliary": "auxiliary", "multi_hinge": "multi_hinge", "contrastive": "embedding",
           "data_to_data": "embedding"}
"""By a conditioning, the head of a critic that sows what its loss looks at."""


def check_conditioning(config: Mapping[str, Any], classes: int, critic: Network) -> None:
    """Raises ConfigError for a loss of labels without labels, or whose critic does not sow them."""
    system, name = config["system"], config["system"]["conditioning"]
    if name == "none":
        return
    if classes < 2:
        reason = ("config.system.conditional is False" if not system["conditional"] else
                  "the data has one class")
        raise ConfigError(f"config.system.conditioning is {name!r}, a loss that needs labels, but "
                          f"{reason}; use conditioning=none, or labelled data with "
                          "conditional=True")
    loss, sown = LABEL_LOSSES[name], critic.sown()
    hint = (f"a critic of sngan or biggan does with "
            f"config.networks.critic.kwargs.head={HEAD_OF[name]}")
    if missing := [part for part in loss.sown if part not in sown]:
        raise ConfigError(f"config.system.conditioning is {name!r}, whose loss looks at "
                          f"{' and '.join(missing)}, which config.networks.critic "
                          f"({config['networks']['critic']['network']}) does not sow; {hint}")
    if "class_logits" in loss.sown:
        wanted = classes + (name == "multi_hinge")
        found = sown["class_logits"][0].shape[-1]
        if found != wanted:
            raise ConfigError(f"config.system.conditioning is {name!r}, whose loss looks at "
                              f"{wanted} class logits, but config.networks.critic sows {found}; "
                              f"{hint}")
    if name == "multi_hinge" and system["loss"] != "hinge":
        raise ConfigError(f"config.system.loss is {system['loss']!r}, but with conditioning "
                          "multi_hinge both players have a hinge of all classes in its place; use "
                          "loss=hinge")


def across_batch(config: Mapping[str, Any], chosen: tuple[str, ...]) -> list[str]:
    """Lists the parts of the losses whose value for an example depends on the others."""
    name = config["system"]["conditioning"]
    found = across_penalties(config)
    if name in LABEL_LOSSES and LABEL_LOSSES[name].across:
        found.append(f"config.system.conditioning {name!r}")
    return [*found, *(f"config.system.regularizations {part!r}" for part in ACROSS
                      if part in chosen)]
