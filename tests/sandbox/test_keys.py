"""Who may call: fal's 401 and 403."""

import pytest

from tests.sandbox.conftest import ENDPOINT, Fal, nobody

NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.mark.parametrize("header", ["Key nocolon", "Key :secret", "Key id:", "Bearer id:secret", "Key a:b:c"])
def test_malformed_keys(sandbox, header):
    response = nobody.get(
        f"{sandbox.url}/queue/{ENDPOINT}/requests/{NOBODY}/status", headers={"Authorization": header}
    )

    assert response.status_code == 401
    assert response.json() == {
        "detail": "Invalid Key Authorization header format. Expected '<key_id>:<key_secret>'."
    }


def test_no_key(sandbox):
    response = nobody.post(f"{sandbox.url}/queue/{ENDPOINT}", json={})

    assert response.status_code == 401
    assert "x-fal-request-id" in response.headers


@pytest.mark.parametrize("refused", ["bad", "bad:secret"])
def test_a_refused_key_is_unknown_everywhere(sandbox, refused):
    sandbox.control(refused_keys=[refused])

    with Fal(sandbox.url, key="bad:secret") as bad:
        answers = [bad.submit(), bad.status(NOBODY), bad.api("models/billing-events")]

    assert [answer.status_code for answer in answers] == [401] * 3
    assert answers[0].json() == {"detail": "No user found for Key ID and Secret"}


def test_a_status_call_tests_a_key(fal):
    assert fal.status(NOBODY).status_code == 404


def test_a_locked_account_may_look_but_not_submit(fal, sandbox):
    request_id = fal.submitted()
    sandbox.control(locked="Exhausted balance")

    refused = fal.submit()

    assert refused.status_code == 403
    assert refused.json()["detail"].startswith("User is locked. Reason: Exhausted balance. Top up")
    assert fal.http.post(f"{fal.url}/run/{ENDPOINT}", json=fal.input()).status_code == 403
    assert fal.until(request_id)["status"] == "COMPLETED"
    sandbox.control(locked="Admin lock")
    assert fal.submit().json() == {"detail": "User is locked. Reason: Admin lock."}
    sandbox.control(locked=None)
    assert fal.submit().status_code == 200


def test_a_spent_balance_locks(fal, sandbox):
    sandbox.control(balance_usd=0.005)
    fal.finished()

    assert fal.submit().status_code == 403
    assert fal.api("account/billing", expand="credits").json()["credits"]["current_balance"] < 0
