"""Environment readers refuse nonsense and name the variable."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from ltxplatform import embedded_postgres, env


@pytest.fixture
def variable(monkeypatch: pytest.MonkeyPatch):
    return lambda value: monkeypatch.setenv("LTX_X", value)


@pytest.mark.parametrize(
    ("value", "read"), [("1", True), ("TRUE", True), ("on", True), ("no", False), ("", True)]
)
def test_booleans(value: str, read: bool, variable) -> None:
    variable(value)

    assert env.boolean("LTX_X", default=True) is read


@pytest.mark.parametrize(
    ("value", "reader", "complaint"),
    [
        ("maybe", lambda: env.boolean("LTX_X", default=True), "LTX_X must be true or false, not 'maybe'"),
        ("ten", lambda: env.integer("LTX_X", default=1), "LTX_X must be a whole number, not 'ten'"),
        ("0", lambda: env.integer("LTX_X", default=1, minimum=1), "LTX_X must be at least 1, not 0"),
        ("9", lambda: env.integer("LTX_X", default=1, maximum=8), "LTX_X must be between 0 and 8, not 9"),
        (
            "much",
            lambda: env.amount("LTX_X", default="1"),
            "LTX_X must be an amount such as 0.02, not 'much'",
        ),
        ("-1", lambda: env.amount("LTX_X", default="1"), "LTX_X must be zero or more, not '-1'"),
        ("NaN", lambda: env.amount("LTX_X", default="1"), "LTX_X must be zero or more"),
        ("c", lambda: env.choice("LTX_X", default="a", options=("a", "b")), "LTX_X must be one of a, b"),
        ("clips.example", lambda: env.address("LTX_X"), "LTX_X must be an address such as https://"),
        ("https://u:p@clips.example", lambda: env.address("LTX_X"), "LTX_X must not carry a user name"),
        ("mysql://db/x", lambda: env.database("LTX_X", default=""), "LTX_X must start with postgresql://"),
    ],
)
def test_nonsense_is_refused_by_name(value: str, reader, complaint: str, variable) -> None:
    variable(value)

    with pytest.raises(ImproperlyConfigured, match=complaint):
        reader()


def test_a_secret_comes_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    monkeypatch.setenv("LTX_X_FILE", str(tmp_path / "secret"))
    assert env.secret("LTX_X") == "from the file"

    monkeypatch.setenv("LTX_X", "direct")
    with pytest.raises(ImproperlyConfigured, match="either LTX_X or LTX_X_FILE"):
        env.secret("LTX_X")


def test_an_unreadable_secret_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LTX_X_FILE", "/nowhere/secret")

    with pytest.raises(ImproperlyConfigured, match="LTX_X_FILE cannot be read: No such file"):
        env.secret("LTX_X")


def test_a_database_address_is_taken_apart(variable) -> None:
    variable("postgresql://me:p%40ss@db.example:6000/clips?sslmode=require")

    read = env.database("LTX_X", default="")

    assert (read["USER"], read["PASSWORD"], read["HOST"], read["PORT"]) == (
        "me",
        "p@ss",
        "db.example",
        "6000",
    )
    assert (read["NAME"], read["OPTIONS"]) == ("clips", {"sslmode": "require"})


def test_an_embedded_server_s_address_survives_odd_folders(tmp_path: Path, variable) -> None:
    folder = Path("/srv/a b+c&d%e/postgres")
    variable(embedded_postgres.expected_address(folder))

    assert env.database("LTX_X", default="")["HOST"] == str(folder)


def test_dotenv_fills_gaps_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LTX_X", "mine")
    monkeypatch.setenv("LTX_Y", "to be removed after the test")
    monkeypatch.delenv("LTX_Y")
    (tmp_path / ".env").write_text("# comment\nexport LTX_X=theirs\nLTX_Y='quoted'\n")

    env.read_dotenv(tmp_path / ".env")

    assert (env.text("LTX_X"), env.text("LTX_Y")) == ("mine", "quoted")


def test_a_broken_dotenv_line_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nnonsense\n")

    with pytest.raises(ImproperlyConfigured, match=r"\.env, line 2: expected NAME=value"):
        env.read_dotenv(tmp_path / ".env")


def test_several_keys_have_names_and_windows(variable) -> None:
    variable("first=id:secret@20, second=other:secret-2")

    first, second = env.named_keys("LTX_X", window=40, maximum=50)

    assert (first.name, first.secret, first.window) == ("first", "id:secret", 20)
    assert (second.name, second.secret, second.window) == ("second", "other:secret-2", 40)
    assert "secret" not in repr(first).replace("second", "")


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("id:s3cret", "entry 1: expected name=id:secret"),
        ("a=id:s3cret, Big Name=id:s3cret2", "entry 2: expected"),
        ("a=s3cret", "entry 1: expected"),
        ("a=id:s3cret@many", "entry 1: expected"),
        ("a=id:s3cret@0", "entry 1: jobs must be between 1 and 50"),
        ("a=id:s3cret@51", "entry 1: jobs must be between 1 and 50"),
        ("a=id:s3cret, a=id2:s3cret2", "entry 2: this name or key is there already"),
        ("a=id:s3cret, b=id:s3cret", "entry 2: this name or key is there already"),
    ],
)
def test_a_wrong_key_is_named_by_its_place_and_not_shown(value: str, complaint: str, variable) -> None:
    variable(value)

    with pytest.raises(ImproperlyConfigured, match=f"LTX_X, {complaint}") as refusal:
        env.named_keys("LTX_X", window=40, maximum=50)

    assert "s3cret" not in str(refusal.value)
