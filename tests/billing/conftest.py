"""What the tests of the database's own refusals share."""

import pytest
from django.db import IntegrityError

from tests.billing.walls import commit, run

pytest.register_assert_rewrite("tests.billing.wallets")  # what was found there is shown as in a test


@pytest.fixture
def refuses():
    """Everything before passes the checks, and `commit` of the steps does not."""

    def attempt(said, *steps):
        run("SET CONSTRAINTS ALL IMMEDIATE")
        run("SET CONSTRAINTS ALL DEFERRED")
        with pytest.raises(IntegrityError, match=said):
            commit(*steps)

    return attempt
