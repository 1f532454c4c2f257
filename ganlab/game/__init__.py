"""The game: networks and the updates of a round, its state, and the pure round itself."""

from ganlab.game.division import check_division
from ganlab.game.draws import (
    example_keys,
    image_keys,
    named_keys,
    order_key,
    retry_key,
    samples_key,
)
from ganlab.game.ema import Average, averages, ema_rate
from ganlab.game.finite import (
    FAULT,
    REPLACED,
    SKIPPED,
    count_replaced,
    guard,
    stayed_finite,
    watched_names,
)
from ganlab.game.game import (
    HELD,
    Aux,
    Control,
    Game,
    GameState,
    LossFn,
    Scene,
    Stage,
    Start,
    Update,
    init_state,
    stay,
)
from ganlab.game.held import empty_metrics
from ganlab.game.makers import Encoder, Makers, Making, Options, Sampler, Scorer, Translator, Weights
from ganlab.game.network import Network, common_group
from ganlab.game.optimizers import (
    CLIPS,
    OPTIMIZERS,
    SCHEDULES,
    lazily_regularized,
    make_optimizer,
    make_weight_clip,
)
from ganlab.game.ramps import RAMPS, make_ramp
from ganlab.game.round import play_round
from ganlab.game.stages import (
    joined_stages,
    rounds_for,
    stage_after,
    stage_before,
    stages_of,
)

__all__ = [
    "Aux", "Average", "CLIPS", "Control", "Encoder", "FAULT", "Game", "GameState", "HELD",
    "LossFn", "Makers", "Making", "Network", "OPTIMIZERS", "Options", "RAMPS", "REPLACED",
    "SCHEDULES", "SKIPPED", "Sampler", "Scene", "Scorer", "Stage", "Start", "Translator", "Update",
    "Weights", "averages", "check_division", "common_group", "count_replaced", "ema_rate",
    "empty_metrics", "example_keys", "guard", "image_keys", "init_state", "joined_stages",
    "lazily_regularized", "make_optimizer", "make_ramp", "make_weight_clip", "named_keys",
    "order_key", "play_round", "retry_key", "rounds_for", "samples_key", "stage_after",
    "stage_before", "stages_of", "stay", "stayed_finite", "watched_names",
]
