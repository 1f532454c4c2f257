"""Published methods become whole configs, and a mistyped one is answered."""

import pytest

from ganlab.config import METHODS, ConfigError, experiment, method, validate


@pytest.mark.parametrize("name", METHODS)
def test_each_method_makes_a_valid_config_that_holds_all_its_numbers(name):
    chosen = method(name)
    player = dict(optimizer=chosen.optimizer)
    config = experiment(system=dict(name="gan", **chosen.system), hyper=chosen.numbers(),
                        networks={"generator": player, "critic": dict(player, **chosen.critic)})
    validate(config)
    for number, value in chosen.player_hyper.items():
        assert config.hyper[f"generator_{number}"] == config.hyper[f"critic_{number}"] == value
    assert chosen.hyper.items() <= dict(config.hyper).items()
    assert chosen.critic_updates == config.system.critic_updates


def test_a_learning_rate_of_the_experiment_replaces_that_of_both_players_alone():
    numbers = method("wgan").numbers(lr=1e-3)
    assert numbers == {"generator_lr": 1e-3, "critic_lr": 1e-3, "critic_weight_clip": 0.01}


def test_an_unknown_method_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean wgan_gp"):
        method("wgangp")
