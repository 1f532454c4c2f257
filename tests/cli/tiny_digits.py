"""Commands that train the digits at a tiny size."""

DIGITS = [
    # Without a penalty and on one device: gradients of gradients and exchanges are half of what there is to compile.
    "--config=experiments/digits.py:loss=hinge,penalty=none", "--config.batch_size=16", "--config.sample.number=20",
    *(f"--config.networks.{player}.kwargs.{kwarg}" for player in ("generator", "critic")
      for kwarg in ("width=16", "depth=1")),
    "--config.train.log_every_rounds=10", "--mesh.data=1"]
TINY = ["train", *DIGITS, "--config.train.sample_every_rounds=20", "--config.train.checkpoint_every_rounds=10",
        "--config.train.total_rounds=40", "--config.train.keep_checkpoints=2"]
MEASURED = ["--config.train.evaluate_every_rounds=10", "--config.evaluate.metrics=fid+prdc",
            "--config.evaluate.number=100", "--config.evaluate.best=fid"]
