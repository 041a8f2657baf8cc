"""What the description can't say to a machine: which texts are moments, and what a history file looks like."""

import json
from pathlib import Path

import schemathesis
from hypothesis import strategies as st

positions = st.builds("{}-{}".format, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
numbers = st.builds("#{}".format, st.integers(0, 2**64 - 1))
times = st.datetimes().map(lambda time: time.isoformat() + "Z")
words = st.sampled_from(["now", "-10m", "-1h30m", "2 days ago", "yesterday 15:00", "tuesday", "15:00", "2026-11-22"])
schemathesis.openapi.format("moment", st.one_of(positions, numbers, times, words, st.just("0-0"), st.just("#1")))

fixtures = Path(__file__).parents[2] / "fixtures"
lines = (fixtures / "happy-path.jsonl").read_text().splitlines(keepends=True)
histories = st.integers(0, len(lines)).map(lambda count: "".join(lines[:count]).encode())
schemathesis.openapi.media_type("application/jsonl", histories)


@schemathesis.serializer("application/jsonl")
def as_it_is(_context, value):
    return value if isinstance(value, bytes) else str(value if isinstance(value, str) else json.dumps(value)).encode()
