"""The game: networks and the updates of a round, its state, and the pure round itself."""

from ganlab.game.draws import example_keys, named_keys, order_key, retry_key, samples_key
from ganlab.game.ema import ema_rate
from ganlab.game.finite import FAULT, SKIPPED, guard, stayed_finite, watched_names
from ganlab.game.game import Aux, Encoder, Game, GameState, Makers, Network, Sampler, Translator, Update, init_state
from ganlab.game.optimizers import CLIPS, OPTIMIZERS, SCHEDULES, make_optimizer, make_weight_clip
from ganlab.game.round import play_round

__all__ = ["CLIPS", "FAULT", "OPTIMIZERS", "SCHEDULES", "SKIPPED", "Aux", "Encoder", "Game", "GameState", "Makers",
           "Network", "Sampler", "Translator", "Update", "ema_rate", "example_keys", "guard", "init_state",
           "make_optimizer", "make_weight_clip", "named_keys", "order_key", "play_round", "retry_key", "samples_key",
           "stayed_finite", "watched_names"]
