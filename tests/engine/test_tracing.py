"""A trace that cannot be written is answered with its place, and leaves what was in the folder."""

import jax
import pytest

from ganlab.engine.profiling import traced
from ganlab.output import WriteError


def test_a_trace_that_does_not_fit_leaves_nothing_of_itself(tmp_path, monkeypatch):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/older").write_bytes(b"kept")

    def stop():
        (tmp_path / "plugins/profile/today").mkdir(parents=True)
        (tmp_path / "plugins/profile/today/a.xplane.pb").write_bytes(b"half")
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: a.xplane.pb; No space left on device\na.xplane.pb")

    monkeypatch.setattr(jax.profiler, "start_trace", lambda folder: None)
    monkeypatch.setattr(jax.profiler, "stop_trace", stop)
    with pytest.raises(WriteError, match=r"could not be written \(No space left on device\); make room") as caught, \
            traced(tmp_path):
        pass
    assert caught.value.filename == str(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["plugins", "older"]
