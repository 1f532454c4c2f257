"""How a batch is divided: over devices, into slices, into groups that see each other."""

from ganlab.config import ConfigError
from ganlab.game.game import Game
from ganlab.output import counted


def check_division(game: Game, devices: int = 1) -> None:
    """Raises ConfigError if a device's share of a batch does not hold whole groups in whole slices.

    Under `jit` a batch is always whole, and groups may lie across devices: it counts as one device.

    Args:
      game: the game, with its group and its slices.
      devices: the number over which `pmap` splits a batch.
    """
    together, share = game.group * game.accumulate, game.batch_size // devices
    if share % together == 0:
        return
    parted = (f"groups of {counted(game.group, 'image')} that are judged together "
              "(config.system.packing times the networks' batch_group)")
    sliced = (f" in each of {game.accumulate} slices (config.train.accumulate)"
              if game.accumulate > 1 else "")
    if devices == 1:
        raise ConfigError(f"config.batch_size is {game.batch_size}, which cannot be divided into "
                          f"{parted}{sliced}; use a multiple of {together}")
    raise ConfigError(
        f"--engine=pmap gives each of {devices} devices {counted(share, 'image')} of "
        f"config.batch_size {game.batch_size}, which cannot be divided into {parted}{sliced}; use "
        f"a batch size that is a multiple of {devices * together}, fewer devices (--mesh.data), or "
        "--engine=jit")
