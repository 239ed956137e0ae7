"""Five hundred jobs through the product's own processes while each fails in its own way at fal.

FAULT_JOBS and FAULT_SEED make another storm of it; `make soak` runs ten thousand.
"""

import os
import random

import pytest

from sandbox.fal.knobs import STEPS
from tests.faults.cases import NO_EVIDENCE, UNUSED, all_cases, for_everybody
from tests.faults.storm import Storm, chosen, trouble_for_everybody
from tests.support.product import Product

pytestmark = pytest.mark.processes

JOBS = int(os.environ.get("FAULT_JOBS", "500"))
SLOW = os.environ.get("FAULT_SLOW", "") == "1"  # also what takes minutes
SETTLED_WITHIN_SECONDS = 600 if SLOW else 150


def test_the_matrix_has_every_fault_at_every_step_in_use() -> None:
    struck = {(rule["step"], rule["fault"]) for case in all_cases() for rule in case.rules}
    struck |= {(rule["step"], rule["fault"]) for rule in for_everybody()}
    known = {(step, fault) for step, faults in STEPS.items() for fault in faults}

    missing = {(step, fault) for step, fault in known - struck if step not in UNUSED}
    missing -= {(step, answer["fault"]) for step in ("upload", "jwks") for _, answer in NO_EVIDENCE}
    # An answer with fal's error types belongs to calls about one request; `error` is there by its HTTP status.
    assert missing <= {
        ("cancel", "error"),
        ("upload", "error"),
        ("list", "error"),
        ("jwks", "error"),
        ("media", "error"),
    }
    assert len({case.name for case in all_cases()}) == len(all_cases())


def test_whatever_goes_wrong_every_job_ends_once_as_it_should(running: Product) -> None:
    seed = int(os.environ.get("FAULT_SEED", random.randrange(2**32)))
    print(f"FAULT_SEED={seed}")
    dice = random.Random(seed)
    with Storm(running, dice) as storm:
        trouble_for_everybody(running)
        storm.order(chosen(dice, JOBS, slow=SLOW))
        storm.settle(seconds=SETTLED_WITHIN_SECONDS)

        assert storm.findings() == []
    assert len(storm.cases) == JOBS
