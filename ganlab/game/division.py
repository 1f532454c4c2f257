"""How a batch is divided: over devices, into slices, into groups of neighbours that see each other."""

from ganlab.config import ConfigError
from ganlab.game.game import Game
from ganlab.output import counted


def check_division(game: Game, devices: int = 1) -> None:
    """Raises ConfigError where a device's share of a batch does not hold whole groups in whole slices.

    Under `jit` a batch is always whole, and groups may lie across devices: it counts as one device.

    Args:
      game: the game, with its group and its slices.
      devices: over which `pmap` splits a batch.
    """
    together, share = game.group * game.accumulate, game.batch_size // devices
    if share % together == 0:
        return
    parted = (f"groups of {counted(game.group, 'image')} that are judged together (config.system.packing times the "
              "networks' batch_group)")
    sliced = f" in each of {game.accumulate} slices (config.train.accumulate)" if game.accumulate > 1 else ""
    if devices == 1:
        raise ConfigError(f"config.batch_size is {game.batch_size}, which cannot be parted into {parted}{sliced}; use a "
                          f"multiple of {together}")
    raise ConfigError(
        f"--engine=pmap gives each of {devices} devices {counted(share, 'image')} of config.batch_size "
        f"{game.batch_size}, which cannot be parted into {parted}{sliced}; use a batch size that {devices * together} "
        "divides, fewer devices (--mesh.data), or --engine=jit")
