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
  ganlab evaluate --workdir=runs/letters --metrics=ppl_wend --settings=ppl_wend.paths=50000    as ppl2_wend
  ganlab evaluate --workdir=runs/letters --metrics=swd_pyramid --number=16384    SWDx1e3 of PGGAN
  ganlab evaluate --workdir=runs/letters --metrics=ms_ssim_five --number=20000    MS-SSIM of PGGAN
  ganlab evaluate --workdir=runs/faces --metrics=eqt_int,eqt_frac,eqr --number=50000    eqt50k_int,
                                                                          eqt50k_frac, eqr50k of StyleGAN3
  ganlab evaluate --workdir=runs/letters --metrics=spectra    power spectra, as a number and a picture
  ganlab evaluate --real=photos/ --fake=made.zip --resolution=64 --metrics=fid,prdc
  ganlab evaluate --workdir=runs/grid25 --metrics=modes
  ganlab evaluate --workdir=runs/letters --metrics=critic_gap --split=test    how far its critic has
                                                                              learned its pictures
  ganlab evaluate --workdir=runs/colours --metrics=fid,l1 --split=test    translations of held-out
                                                                          pictures
  ganlab evaluate --workdir=runs/digits --metrics=intra_fid,cas    class by class
  ganlab evaluate --workdir=runs/digits --metrics=fid,is,prdc --sweep=truncation:0.2..1.0:9    along an
                                                                          option, with the curves
  ganlab evaluate --workdir=runs/letters --metrics=fid --sweep=noise:none,constant,random

Writes results.json into the run's directory, or into --output, and draws metrics.png where several
rounds were measured; measuring again adds to them. Power spectra are also in spectra.npz and
spectra.png. A sweep writes sweep_OPTION.json, .csv and .png
in their place.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from absl import flags

from ganlab.cli.judging import progress_bars
from ganlab.cli.option_flags import define_option_flags, given_options
from ganlab.cli.runs import TrainedRun, open_run, steps_of
from ganlab.config import SAMPLING_OPTIONS, ConfigError
from ganlab.engine import makers_of
from ganlab.evaluation import (
    CRITIC_GAP,
    FEATURES,
    SPECTRA,
    Measure,
    Record,
    Request,
    Sweep,
    Track,
    add_results,
    check_request,
    chosen_features,
    critic_gap,
    data_pictures,
    evaluate,
    folder_pictures,
    judged_data,
    levels_of,
    making,
    measures_for,
    metric_names,
    parse_settings,
    parse_sweep,
    see_real,
    subject_of,
    with_settings,
)
from ganlab.machine.backend import set_up_process
from ganlab.output import whole_file, writing
from ganlab.report.pictures import save_png
from ganlab.report.results import plot_results, print_results
from ganlab.report.spectra import spectra_picture
from ganlab.report.sweeps import print_sweep, sweep_csv, sweep_picture
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
    text("settings", "", "numbers of metrics in place of their own, METRIC.SETTING=VALUE joined by "
         "commas, as in ppl_wend.paths=50000,kid.subsets=10 (docs/metrics.md has them)")
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
    text("sweep", None, "an option of the sampler and the values at which everything is measured: "
         "NAME:FIRST..LAST:NUMBER, as in truncation:0.2..1.0:9, or NAME:VALUE,VALUE,...")
    flags.DEFINE_bool("ema", True, "averaged weights; --noema for those that were last trained",
                      flag_values=values)
    text("output", None, "directory of results.json and metrics.png; by default the run's")


def run(values: flags.FlagValues) -> int:
    """Measures, writes, and prints the table."""
    set_up_process()
    _check(values)
    sweep = parse_sweep(values.sweep) if values.sweep else None
    if sweep and sweep.option in given_options(values):
        raise ConfigError(f"--{sweep.option} and --sweep={values.sweep} both set the option "
                          f"{sweep.option}; leave one of them out")
    output = values.output or values.workdir
    place = RunDirectory(output) if output else None

    def ready() -> None:
        """Makes the directory: after everything that was asked for is known to exist, and before
        anything is measured for it."""
        if values.output:
            with writing(place.path):
                place.path.mkdir(parents=True, exist_ok=True)

    with progress_bars() as track:
        records = (_of_run(values, sweep, track, ready) if values.workdir
                   else _of_images(values, track, ready))
    if sweep:
        return _sweep_written(records, sweep, place, values.workdir)
    # The numbers are printed even where nothing keeps them.
    print_results(records, values.workdir or values.fake)
    if place is None:
        print("--output=DIR keeps these values and their protocols")
        return 0
    every = add_results(place.results_file, records)
    print(f"values and protocols in {place.results_file}")
    _draw_spectra(records, place, values.workdir or values.fake)
    # Of a single round there is nothing to draw but dots.
    if values.workdir and len({record.step for record in every}) > 1:
        save_png(place.results_plot, plot_results(every, values.workdir))
        print(f"over training in {place.results_plot}")
    return 0


def _draw_spectra(records: list[Record], place: RunDirectory, title: str) -> None:
    """Writes and draws the power spectra that were measured last, if any were."""
    found = [record for record in records if record.result.protocol.metric == SPECTRA]
    if not found:
        return
    record = found[-1]
    with whole_file(place.spectra_file) as file:
        np.savez(file, **record.result.arrays)
    step = "" if record.step is None else f", round {record.step:,}"
    save_png(place.spectra_plot, spectra_picture(record.result.arrays, title + step))
    print(f"power spectra in {place.spectra_file}, drawn in {place.spectra_plot}")


def _sweep_written(records: list[Record], sweep: Sweep, place: RunDirectory, title: str) -> int:
    """Prints the values of a sweep, and adds them to its files."""
    print_sweep(records, sweep.option, title)
    files = {kind: place.sweep_file(sweep.option, kind) for kind in ("json", "csv", "png")}
    every = add_results(files["json"], records)
    with whole_file(files["csv"]) as file:
        file.write(sweep_csv(every, sweep.option))
    save_png(files["png"], sweep_picture(every, sweep.option, title))
    print(f"values and protocols in {files['json']}, a table in {files['csv']}, curves in "
          f"{files['png']}")
    return 0


def _check(values: flags.FlagValues) -> None:
    """Refuses what contradicts itself, before anything is read."""
    if (values.workdir is None) == (values.fake is None):
        raise ConfigError("name what is measured: either a run by --workdir, or images by "
                          "--fake (and --real)")
    parse_settings(values.settings)  # Refuses what is not a setting.
    if values.bootstrap == 1:
        raise ConfigError("--bootstrap=1 says nothing about the spread; take at "
                          "least 2, better 200")
    if values.fake:
        for name in ("step", "split", "ema", *SAMPLING_OPTIONS, "sweep", "seeds"):
            if values[name].value != values[name].default:
                advice = "; --bootstrap=200 gives an interval" if name == "seeds" else ""
                raise ConfigError(f"--{name} is of samples that a run draws, and images in a "
                                  f"folder are what they are; leave it out{advice}")
    elif values.sweep and values.step == "all":
        raise ConfigError("--step=all with --sweep would measure every checkpoint at every value; "
                          "name one checkpoint, as in --step=500")
    elif values.resolution and not values.real:
        raise ConfigError("--resolution brings images of folders to one size, and no folder is "
                          "named; leave it out, or name one by --real")


def _of_run(values: flags.FlagValues, sweep: Sweep | None, track: Track,
            ready: Callable[[], None]) -> list[Record]:
    """Returns the values of the checkpoints that are asked for, at each value of a sweep."""
    records, features = [], None
    for step in steps_of(values.workdir, values.step):
        # What is judged, and the images that it is compared with.
        trained = open_run(values.workdir, step, values.ema, ("sampler", "translators"),
                           scores=CRITIC_GAP in metric_names(values.metrics))
        config, game = trained.config, trained.game
        dataset, section = judged_data(config, trained.dataset, values.split)
        features = features or chosen_features(values.features, values.weights, dataset)
        held_out = data_pictures(dataset, section)
        real = (folder_pictures(values.real, values.resolution, values.real_number) if values.real
                else data_pictures(dataset, section, values.real_number) if values.real_number
                else held_out)
        weights = "averaged" if values.ema else "as trained"
        seen = None
        for options in _options(values, trained, sweep):
            makers = makers_of(game, trained.programs, trained.weights, options)
            subject = subject_of(config, game, makers, dataset, options)
            # Names that do not exist are answered before anything is written or computed.
            request = _request(values, **making(game, dataset, section, weights, options))
            gap = critic_gap(makers.logits, game, config["batch_size"], trained.dataset, dataset,
                             held_out)
            number = values.number or real.number
            measures = _chosen(values, measures_for(subject, dataset, features, gap,
                                                    shape=dataset.image_shape, number=number))
            check_request(request, measures, real, features)
            ready()
            # The real images are the same along a sweep.
            seen = seen or see_real(real, request, features, measures, track)
            found = evaluate(real, functools.partial(subject.pictures, number), request, features,
                             measures, track, seen)
            name = values.workdir if values.output else ""
            records += [Record(result, name, trained.step, game.kimg(trained.step))
                        for result in found]
    return records


def _options(values: flags.FlagValues, trained: TrainedRun,
             sweep: Sweep | None) -> list[dict[str, Any]]:
    """Returns the options of the samples: those that are given, with each value of a sweep."""
    given = given_options(values)
    if sweep is None:
        return [trained.options(given, "--")]
    known = trained.game.sampler.options if trained.game.sampler else {}
    return [trained.options({**given, sweep.option: level}, "--")
            for level in levels_of(sweep, known)]


def _of_images(values: flags.FlagValues, track: Track, ready: Callable[[], None]) -> list[Record]:
    """Returns the values of a folder of images."""
    features = chosen_features(values.features, values.weights, None)
    real = (folder_pictures(values.real, values.resolution, values.real_number) if values.real
            else None)
    # Features of what is judged are not kept: it seldom comes again.
    fake = dataclasses.replace(folder_pictures(values.fake, values.resolution, values.number),
                               cache_key="")
    request = _request(values, weights="files", resize=fake.identity["resize"])
    measures = _chosen(values, measures_for(None, None, features, class_names=fake.class_names,
                                            shape=fake.read(0, 1).shape[1:]))
    check_request(request, measures, real, features)
    ready()
    found = evaluate(real, lambda seed: fake, request, features, measures, track)
    return [Record(result, values.fake) for result in found]


def _chosen(values: flags.FlagValues, measures: dict[str, Measure]) -> dict[str, Measure]:
    """Returns the measures with the settings that were asked for."""
    return with_settings(measures, metric_names(values.metrics), parse_settings(values.settings))


def _request(values: flags.FlagValues, **samples: Any) -> Request:
    return Request(metric_names(values.metrics), range(values.seeds), values.bootstrap, samples)
