"""The game: networks and the updates of a round, its state, and the pure round itself."""

from ganlab.game.draws import example_keys, named_keys, order_key, samples_key
from ganlab.game.ema import ema_rate
from ganlab.game.game import Aux, Encoder, Game, GameState, Network, Sampler, Update, init_state
from ganlab.game.optimizers import CLIPS, OPTIMIZERS, SCHEDULES, make_optimizer, make_weight_clip
from ganlab.game.round import play_round

__all__ = ["CLIPS", "OPTIMIZERS", "SCHEDULES", "Aux", "Encoder", "Game", "GameState", "Network", "Sampler",
           "Update", "ema_rate", "example_keys", "init_state", "make_optimizer", "make_weight_clip", "named_keys", "order_key",
           "play_round", "samples_key"]
