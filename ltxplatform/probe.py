"""Does the web process of this machine answer? `python -m ltxplatform.probe` exits with 0 when it does."""

import os
import sys
from http.client import HTTPConnection, HTTPException


def answers(port: int) -> bool:
    """Ask for /health under the site's own host name, because Django refuses others."""
    host = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip() or "127.0.0.1"
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health", headers={"Host": host})
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not answers(int(os.environ.get("PORT") or 8000)))
