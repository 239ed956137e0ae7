"""Uploads as both official clients make them, whole and in parts."""

import time
from datetime import datetime

import httpx
import pytest

from tests.sandbox.conftest import nobody, picture

CONTENT = picture()


@pytest.fixture
def bearer(fal):
    """The Python client's token, as a header."""
    token = fal.http.post(f"{fal.url}/rest/storage/auth/token?storage_type=fal-cdn-v3", json={}).json()
    assert token["base_url"] == f"{fal.url}/cdn"
    assert datetime.fromisoformat(token["expires_at"]).utcoffset() is not None
    return {"Authorization": f"{token['token_type']} {token['token']}", "Content-Type": "image/jpeg"}


def fetched(url: str) -> bytes:
    response = nobody.get(url)
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/jpeg"
    return response.content


@pytest.mark.parametrize("storage", ["fal-cdn-v3", "gcs"])
def test_initiate_and_put_without_a_key(fal, storage):
    body = {"content_type": "image/jpeg", "file_name": "a b.jpg"}
    begun = fal.http.post(f"{fal.url}/rest/storage/upload/initiate?storage_type={storage}", json=body).json()

    assert nobody.get(begun["file_url"]).status_code == 404
    put = nobody.put(begun["upload_url"], content=CONTENT, headers={"Content-Type": "image/jpeg"})

    assert put.status_code == 200
    assert fetched(begun["file_url"]) == CONTENT
    assert begun["file_url"].endswith("/a%20b.jpg")


def test_parts_of_the_javascript_client(fal):
    body = {"content_type": "image/jpeg", "file_name": "a.jpg"}
    begun = fal.http.post(f"{fal.url}/rest/storage/upload/initiate-multipart", json=body).json()
    address = httpx.URL(begun["upload_url"])
    path, query = str(address.copy_with(query=None)), f"?{address.query.decode()}"

    second = nobody.put(f"{path}/2{query}", content=CONTENT[100:]).json()
    first = nobody.put(f"{path}/1{query}", content=CONTENT[:100]).json()
    done = nobody.post(f"{path}/complete{query}", json={"parts": [first, second]})

    assert (first["partNumber"], second["partNumber"]) == (1, 2)
    assert done.status_code == 200
    assert fetched(begun["file_url"]) == CONTENT


def test_the_python_client_sends_bytes(fal, bearer):
    headers = bearer | {"X-Fal-File-Name": "a.jpg"}

    answer = nobody.post(f"{fal.url}/cdn/files/upload", content=CONTENT, headers=headers)

    assert fetched(answer.json()["access_url"]) == CONTENT


def test_parts_of_the_python_client_in_any_order(fal, bearer):
    headers = bearer | {"X-Fal-File-Name": "a.jpg"}
    begun = nobody.post(f"{fal.url}/cdn/files/upload/multipart", headers=headers).json()
    base = f"{begun['access_url']}/multipart/{begun['uploadId']}"

    parts = [
        {
            "partNumber": number,
            "etag": nobody.put(f"{base}/{number}", content=content, headers=bearer).headers["etag"],
        }
        for number, content in ((2, CONTENT[200:]), (1, CONTENT[:200]))
    ]
    done = nobody.post(f"{base}/complete", json={"parts": parts}, headers=bearer)

    assert done.status_code == 200
    assert fetched(begun["access_url"]) == CONTENT


def test_a_missing_part_is_refused(fal, bearer):
    begun = nobody.post(f"{fal.url}/cdn/files/upload/multipart", headers=bearer).json()
    base = f"{begun['access_url']}/multipart/{begun['uploadId']}"

    done = nobody.post(f"{base}/complete", json={"parts": [{"partNumber": 1, "etag": "x"}]}, headers=bearer)

    assert done.status_code == 400


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer forged.1.99999999999.x"}])
def test_bytes_need_a_token(fal, header):
    assert nobody.post(f"{fal.url}/cdn/files/upload", content=b"x", headers=header).status_code == 401


def test_an_upload_expires_when_its_owner_says_so(fal, bearer):
    headers = bearer | {"X-Fal-Object-Lifecycle": '{"expiration_duration_seconds": 1.5}'}
    url = nobody.post(f"{fal.url}/cdn/files/upload", content=CONTENT, headers=headers).json()["access_url"]

    assert nobody.get(url).status_code == 200
    time.sleep(1.6)
    assert nobody.get(url).status_code == 404


def test_an_upload_can_be_rendered(fal, bearer):
    url = nobody.post(f"{fal.url}/cdn/files/upload", content=CONTENT, headers=bearer).json()["access_url"]

    _, result = fal.finished(image_url=url)

    assert result.status_code == 200
