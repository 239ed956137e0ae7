"""fal's own Python client against the stand-in, over TLS as it insists on."""

import datetime as dt
import ipaddress
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.sandbox_process import CHECKOUT, sandbox_server


def self_signed(directory: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sandbox")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = directory / "cert.pem", directory / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the client experienced."""
    cert, key = self_signed(tmp_path_factory.mktemp("tls"))
    with sandbox_server(tls_cert=cert, tls_key=key, queue_seconds=0.15, inference_seconds=0.3) as sandbox:
        host = sandbox.url.removeprefix("https://")
        environment = {
            **os.environ,
            "FAL_QUEUE_RUN_HOST": f"{host}/queue",
            "FAL_RUN_HOST": f"{host}/run",
            "FAL_KEY": "official:secret",
            "SSL_CERT_FILE": str(cert),
            "SANDBOX": sandbox.url,
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.sandbox.official_client"],
            cwd=CHECKOUT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr + sandbox.log()
        return {**json.loads(done.stdout), "requests": sandbox.requests()}


def test_subscribe(told):
    outcome = told["subscribe"]

    assert outcome["output"]["video"]["content_type"] == "video/mp4"
    assert outcome["seen"] == ["Queued", "InProgress", "Completed"]
    assert len(outcome["ids"]) == 1


def test_submit_status_events_and_result(told):
    outcome = told["by_hand"]

    assert outcome["first"] == "Queued"
    assert outcome["events"][-2:] == ["InProgress", "Completed"]
    assert outcome["metrics"]["inference_time"] > 0
    assert outcome["same"]
    sent = told["requests"][1]
    assert (sent["webhook_url"], sent["priority"]) == ("http://127.0.0.1:9/x?a=1&b=2", "low")


def test_cancel(told):
    assert told["cancelled"] == {"status": 499, "type": "client_cancelled"}


def test_a_refused_input_raises_what_the_client_expects(told):
    assert told["refused"] == {"status": 422, "type": "greater_than_equal"}


def test_uploads_in_all_ways(told):
    outcome = told["uploads"]

    assert outcome["whole"].endswith("/a.jpg")
    assert outcome["parts"].endswith("/big.bin")
    assert outcome["second_choice"].endswith("/b.jpg")
    assert outcome["output"]["seed"] == 1


def test_stream(told):
    (event,) = told["stream"]

    assert event["video"]["url"].endswith(".mp4")


def test_the_asynchronous_client(told):
    assert told["asynchronous"]["output"]["prompt"] == "a test"
    assert told["asynchronous"]["url"].endswith("/c.jpg")
