"""Reads scenarios, one a line, and writes what SQLAlchemy answers, one recording a line."""

import json
import random
import sys
import warnings

from sqlalchemy import exc

from .failure import Senseless
from .mapping import Json, Mapping
from .play import Play, open_database

# How often a scenario is recorded again.
TRIALS = 3


def record(scenario: Json, shaken: bool = False) -> Json:
    """Runs a scenario; steps that make no sense are left out of what is written down."""
    try:
        mapping = Mapping(scenario)
    except (exc.ArgumentError, exc.InvalidRequestError) as error:
        expected = {"name": scenario["name"], "mapping_error": True, "detail": str(error)[:200]}
        return {"scenario": scenario, "expected": expected}
    engine = open_database()
    try:
        mapping.registry.metadata.create_all(engine)
        if shaken:
            shake(mapping)
        play = Play(scenario, mapping, engine)
        steps, results = [], []
        for step in scenario["steps"]:
            try:
                result = play.step(step)
            except Senseless:
                continue
            steps.append(step)
            results.append(result)
        play.session.close()
    finally:
        engine.dispose()
        mapping.dispose()
    expected = {"name": scenario["name"], "results": results}
    return {"scenario": {**scenario, "steps": steps}, "expected": expected}


def settled(scenario: Json) -> Json:
    """Records a scenario several times: SQLAlchemy writes rows without an order of their own in
    that of a set, which chance decides. Where the answers differ nothing can be compared."""
    recording = record(scenario)
    for _ in range(TRIALS):
        again = record(recording["scenario"], shaken=True)
        if stripped(again) != stripped(recording):
            return {"scenario": scenario, "unsettled": True}
    return recording


def shake(mapping: Mapping) -> None:
    """Leaves holes in memory in a random order, so that the objects that come next lie without an
    order of their own, and with them the sets that they are in."""
    ballast = [make() for make in mapping.classes.values() for _ in range(100)]
    random.shuffle(ballast)
    while ballast:
        ballast.pop()


def stripped(recording: Json) -> list[Json]:
    """What is compared of a recording."""
    results = recording["expected"].get("results", [])
    return [{name: one[name] for name in one if name != "detail"} for one in results]


def main() -> None:
    """One line out for each line in, at once, so that a program can ask in turn."""
    warnings.simplefilter("ignore", exc.SAWarning)
    for line in sys.stdin:
        if not line.strip():
            continue
        scenario = json.loads(line)
        scenario = scenario.get("scenario", scenario)
        try:
            recording = settled(scenario)
        except Exception as error:  # A scenario that cannot be recorded is said so, not lost.
            detail = f"{type(error).__name__}: {error}"
            recording = {"scenario": scenario, "unrecordable": detail[:500]}
        print(json.dumps(recording), flush=True)


if __name__ == "__main__":
    main()
