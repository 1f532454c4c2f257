"""ganlab evaluate --workdir=DIR [--metrics=fid,kid,prdc]   or   --real=IMAGES --fake=IMAGES

Measures how good samples are. Every value is named with its protocol: features, real images,
numbers, seeds, weights. Samples come from a run, or are any folder or zip file of images, so that
other people's models can be measured too. Features digits, glyphs and pixels need no download;
inception2015 and dinov2 take their published weights.

Examples:
  ganlab evaluate --workdir=runs/digits
  ganlab evaluate --workdir=runs/digits --metrics=fid,kid,prdc,ppl_z --seeds=5 --bootstrap=200
  ganlab evaluate --workdir=runs/digits --step=all      every checkpoint, and a plot over training
  ganlab evaluate --workdir=runs/wgan --features=inception2015 --weights=pt_inception-2015-12-05-6726825d.pth
  ganlab evaluate --workdir=runs/wgan --features=inception2015 --weights=pt_inception-2015-12-05-6726825d.pth \
      --metrics=fid,kid,is --number=50000    fid50k_full, kid50k_full and is50k of StyleGAN
  ganlab evaluate --workdir=runs/letters --metrics=ppl_wend --noise=constant    path length between
                                                                                styles, as ppl2_wend
  ganlab evaluate --real=photos/ --fake=made.zip --resolution=64 --metrics=fid,prdc
  ganlab evaluate --workdir=runs/grid25 --metrics=modes
  ganlab evaluate --workdir=runs/letters --metrics=critic_gap --split=test    how far its critic has
                                                                              learned its pictures
  ganlab evaluate --workdir=runs/colours --metrics=fid,l1 --split=test    translations of held-out
                                                                          pictures

Writes results.json into the run's directory, or into --output, and draws metrics.png where several
rounds were measured; measuring again adds to them.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from absl import flags

from ganlab.cli.judging import progress_bars
from ganlab.cli.option_flags import define_option_flags, given_options
from ganlab.cli.runs import open_run, steps_of
from ganlab.config import SAMPLING_OPTIONS, ConfigError
from ganlab.engine import makers_of
from ganlab.evaluation import (
    CRITIC_GAP,
    FEATURES,
    Record,
    Request,
    Track,
    add_results,
    check_request,
    chosen_features,
    critic_gap,
    data_pictures,
    evaluate,
    folder_pictures,
    judged_data,
    making,
    measures_for,
    metric_names,
    subject_of,
)
from ganlab.machine.backend import set_up_process
from ganlab.output import writing
from ganlab.report.pictures import save_png
from ganlab.report.results import plot_results, print_results
from ganlab.storage import RunDirectory


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    del argv
    text = functools.partial(flags.DEFINE_string, flag_values=values)
    whole = functools.partial(flags.DEFINE_integer, flag_values=values)
    # What is measured, and what it is compared with.
    text("workdir", None, "the run whose samples are measured")
    text("step", None, "the checkpoint after this many rounds, or `all`; the newest by default")
    text("metrics", "fid,kid,prdc", "metrics, joined by commas or + (ganlab list --only=metrics)")
    flags.DEFINE_enum("features", None, list(FEATURES), "what metrics see of images; by default "
                      "glyphs of glyphs, digits of other images, pixels of points", flag_values=values)
    text("weights", "", "weight file of the features inception2015 or dinov2")
    text("real", None, "folder or zip file of real images; by default the data of the run")
    text("fake", None, "folder or zip file of images to measure instead of a run's")
    text("split", None, "split of the run's data by which it is measured, such as test, or "
         "testA+testB; of folders, those beside; by default that of config.evaluate.split, which "
         "is empty for the training data")
    whole("resolution", 0, "side to which images of folders are cropped and resized; 0 for none",
          lower_bound=0, upper_bound=4096)
    # How surely: of how many images, and with what intervals.
    whole("number", 0, "samples; by default as many as real images, at most 50,000", lower_bound=0)
    whole("real_number", 0, "real images; by default all, at most 50,000", lower_bound=0)
    whole("seeds", 1, "evaluation seeds, each with samples of its own; from 2 on with an interval",
          lower_bound=1)
    whole("bootstrap", 0, "resamplings for an interval; 0 for none", lower_bound=0)
    # How a run draws its samples.
    define_option_flags(values)
    flags.DEFINE_bool("ema", True, "averaged weights; --noema for those that were last trained",
                      flag_values=values)
    text("output", None, "directory of results.json and metrics.png; by default the run's")


def run(values: flags.FlagValues) -> int:
    """Measures, writes, and prints the table."""
    set_up_process()
    _check(values)
    output = values.output or values.workdir
    place = RunDirectory(output) if output else None

    def ready() -> None:
        """Makes the directory: after everything that was asked for is known to exist, and before
        anything is measured for it."""
        if values.output:
            with writing(place.path):
                place.path.mkdir(parents=True, exist_ok=True)

    with progress_bars() as track:
        records = (_of_run if values.workdir else _of_images)(values, track, ready)
    # The numbers are printed even where nothing keeps them.
    print_results(records, values.workdir or values.fake)
    if place is None:
        print("--output=DIR keeps these values and their protocols")
        return 0
    every = add_results(place.results_file, records)
    print(f"values and protocols in {place.results_file}")
    # Of a single round there is nothing to draw but dots.
    if values.workdir and len({record.step for record in every}) > 1:
        save_png(place.results_plot, plot_results(every, values.workdir))
        print(f"over training in {place.results_plot}")
    return 0


def _check(values: flags.FlagValues) -> None:
    """Refuses what contradicts itself, before anything is read."""
    if (values.workdir is None) == (values.fake is None):
        raise ConfigError("name what is measured: either a run by --workdir, or images by "
                          "--fake (and --real)")
    if values.bootstrap == 1:
        raise ConfigError("--bootstrap=1 says nothing about the spread; take at "
                          "least 2, better 200")
    if values.fake:
        for name in ("step", "split", "ema", *SAMPLING_OPTIONS, "seeds"):
            if values[name].value != values[name].default:
                advice = "; --bootstrap=200 gives an interval" if name == "seeds" else ""
                raise ConfigError(f"--{name} is of samples that a run draws, and images in a "
                                  f"folder are what they are; leave it out{advice}")
    elif values.resolution and not values.real:
        raise ConfigError("--resolution brings images of folders to one size, and no folder is "
                          "named; leave it out, or name one by --real")


def _of_run(values: flags.FlagValues, track: Track, ready: Callable[[], None]) -> list[Record]:
    """Returns the values of the checkpoints that are asked for."""
    records, features = [], None
    for step in steps_of(values.workdir, values.step):
        # What is judged, and the images that it is compared with.
        trained = open_run(values.workdir, step, values.ema, ("sampler", "translators"),
                           scores=CRITIC_GAP in metric_names(values.metrics))
        config, game = trained.config, trained.game
        dataset, section = judged_data(config, trained.dataset, values.split)
        features = features or chosen_features(values.features, values.weights, dataset)
        options = trained.options(given_options(values), "--")
        makers = makers_of(game, trained.programs, trained.weights, options)
        subject = subject_of(config, game, makers, dataset, options)
        held_out = data_pictures(dataset, section)
        real = (folder_pictures(values.real, values.resolution, values.real_number) if values.real
                else data_pictures(dataset, section, values.real_number) if values.real_number
                else held_out)
        # Names that do not exist are answered before anything is written or computed.
        weights = "averaged" if values.ema else "as trained"
        request = _request(values, **making(game, dataset, section, weights, options))
        gap = critic_gap(makers.logits, game, config["batch_size"], trained.dataset, dataset,
                         held_out)
        measures = measures_for(subject, dataset, features, gap)
        check_request(request, measures, real, features)
        ready()
        number = values.number or real.number
        found = evaluate(real, functools.partial(subject.pictures, number), request, features,
                         measures, track)
        kimg = game.kimg(trained.step)
        subject = values.workdir if values.output else ""
        records += [Record(result, subject, trained.step, kimg) for result in found]
    return records


def _of_images(values: flags.FlagValues, track: Track, ready: Callable[[], None]) -> list[Record]:
    """Returns the values of a folder of images."""
    features = chosen_features(values.features, values.weights, None)
    real = (folder_pictures(values.real, values.resolution, values.real_number) if values.real
            else None)
    # Features of what is judged are not kept: it seldom comes again.
    fake = dataclasses.replace(folder_pictures(values.fake, values.resolution, values.number),
                               cache_key="")
    request = _request(values, weights="files", resize=fake.identity["resize"])
    measures = measures_for(None, None, features)
    check_request(request, measures, real, features)
    ready()
    found = evaluate(real, lambda seed: fake, request, features, measures, track)
    return [Record(result, values.fake) for result in found]


def _request(values: flags.FlagValues, **samples: Any) -> Request:
    return Request(metric_names(values.metrics), range(values.seeds), values.bootstrap, samples)
