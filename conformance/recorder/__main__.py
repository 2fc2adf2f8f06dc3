"""Reads scenarios, one a line, and writes what SQLAlchemy answers, one recording a line."""

import json
import sys
import warnings

from sqlalchemy import exc

from .failure import Senseless
from .mapping import Json, Mapping
from .play import Play, open_database


def record(scenario: Json) -> Json:
    """Runs a scenario; steps that make no sense are left out of what is written down."""
    try:
        mapping = Mapping(scenario)
    except (exc.ArgumentError, exc.InvalidRequestError) as error:
        expected = {"name": scenario["name"], "mapping_error": True, "detail": str(error)[:200]}
        return {"scenario": scenario, "expected": expected}
    engine = open_database()
    try:
        mapping.registry.metadata.create_all(engine)
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


def main() -> None:
    """One line out for each line in, at once, so that a program can ask in turn."""
    warnings.simplefilter("ignore", exc.SAWarning)
    for line in sys.stdin:
        if not line.strip():
            continue
        scenario = json.loads(line)
        scenario = scenario.get("scenario", scenario)
        try:
            recording = record(scenario)
        except Exception as error:  # A scenario that cannot be recorded is said so, not lost.
            detail = f"{type(error).__name__}: {error}"
            recording = {"scenario": scenario, "unrecordable": detail[:500]}
        print(json.dumps(recording), flush=True)


if __name__ == "__main__":
    main()
