"""The knobs themselves."""

import pytest

from tests.sandbox.conftest import nobody


def test_knobs_are_shown_changed_and_put_back(sandbox):
    before = nobody.get(f"{sandbox.url}/control/knobs").json()

    changed = sandbox.control({"inference_seconds": 7}, concurrency=3)
    after = nobody.delete(f"{sandbox.url}/control/knobs").json()

    assert (changed["inference_seconds"], changed["concurrency"]) == (7, 3)
    assert changed["queue_seconds"] == before["queue_seconds"]
    assert after == before


@pytest.mark.parametrize(
    "knobs",
    [
        {"inference": 1},
        {"inference_seconds": "fast"},
        {"concurrency": None},
        {"refused_keys": "a"},
        {"list_unfinished": 1},
        {"validate_at": "never"},
        {"fixed_seed": "x"},
        {"locked": True},
        {"rules": {}},
        {"rules": [{"step": "nowhere", "fault": "drop"}]},
        {"rules": [{"step": "submit", "fault": "expired"}]},
        {"rules": [{"step": "submit", "fault": "error", "type": "unheard_of"}]},
        [],
    ],
)
def test_a_wrong_knob_changes_nothing_and_says_why(sandbox, knobs):
    before = nobody.get(f"{sandbox.url}/control/knobs").json()
    sent = {"queue_seconds": 9, **knobs} if isinstance(knobs, dict) else knobs

    answer = nobody.put(f"{sandbox.url}/control/knobs", json=sent)

    assert answer.status_code == 400
    assert answer.json()["detail"]
    assert nobody.get(f"{sandbox.url}/control/knobs").json() == before


def test_rules_come_with_the_knobs_or_one_by_one(sandbox):
    sandbox.control(rules=[{"step": "submit", "fault": "delay", "seconds": 0}])
    rule_id = sandbox.rule("result", "drop", id="mine")

    assert rule_id == "mine"
    assert [rule["fault"] for rule in sandbox.rules()] == ["delay", "drop"]
    assert nobody.delete(f"{sandbox.url}/control/rules/mine").json() == {"removed": True}
    assert nobody.delete(f"{sandbox.url}/control/rules/mine").status_code == 404
    assert nobody.delete(f"{sandbox.url}/control/rules").json() == []


def test_every_request_is_listed_without_its_secret(fal, sandbox):
    request_id, _ = fal.finished(prompt="find me")
    fal.submitted(prompt="another")

    (entry,) = sandbox.requests("find me")

    assert entry["request_id"] == request_id
    assert entry["key_id"] == "tester"
    assert entry["status"] == "COMPLETED"
    assert entry["input"]["num_frames"] == 9
    assert entry["billable_units"] == "0.375"
    assert "secret" not in str(sandbox.requests())
    assert sandbox.summary()["requests"] == 2


def test_reset_forgets_requests_rules_and_knobs(fal, sandbox):
    request_id = fal.submitted()
    sandbox.control(queue_seconds=5, rules=[{"step": "submit", "fault": "drop"}])

    sandbox.reset()

    assert sandbox.requests() == []
    assert sandbox.rules() == []
    assert fal.status(request_id).status_code == 404
    assert fal.finished()[1].status_code == 200


@pytest.mark.parametrize("headers", [{"Host": "example.com"}, {"Origin": "https://example.com"}])
def test_a_web_page_cannot_turn_the_knobs(sandbox, headers):
    assert nobody.get(f"{sandbox.url}/control/knobs", headers=headers).status_code == 403
