"""The guide's Python quickstart, run as it stands against the running product."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from accounts.models import Team
from generations.models import Generation
from tests.support.api import make_key
from tests.support.pictures import photograph
from tests.support.product import Product

pytestmark = pytest.mark.processes


def quickstart() -> str:
    guide = (settings.BASE_DIR / "docs" / "api.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    return code


def test_it_uploads_prices_makes_and_downloads_a_clip(running: Product, team: Team, tmp_path: Path):
    program, picture, target = (tmp_path / name for name in ("make.py", "boat.jpg", "boat.mp4"))
    program.write_text(quickstart())
    picture.write_bytes(photograph())

    done = subprocess.run(
        [sys.executable, program, picture, "A boat drifts over a calm lake", target],
        env={**os.environ, "LTX_URL": running.url, "LTX_KEY": make_key(team)[1]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr + running.output()[-3000:]
    assert "Price: 0.020834" in done.stdout
    assert "Cost: 0.020834" in done.stdout
    assert "Ready" in done.stdout
    assert len(target.read_bytes()) == Generation.objects.get(team=team).video_size
