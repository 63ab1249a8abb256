"""docs/plugins/tutorial.md works as it stands: every block is run, in order, where a third party would run it."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from installed import Installation

PAGE = (Path(__file__).resolve().parents[2] / "docs/plugins/tutorial.md").read_text()
WRITTEN = ("python", "markdown")  # what the reader adds to a file
SERVE = "python -m app.embedded\n"
# In the background, and stopped however the script ends.
SERVING = """
python -m app.embedded >&2 & server=$!
trap 'kill $server; wait $server || true' EXIT
until curl -sf {management}/readyz > /dev/null; do kill -0 $server; sleep 0.2; done
"""


def blocks() -> Iterator[tuple[str, str, str]]:
    """Each block: its language, its text, and the last file that was named before it."""
    end = 0
    for found in re.finditer(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL):
        named = re.findall(r"`([\w/]+\.(?:py|md))`", PAGE[end : found.start()])
        end = found.end()
        yield found[1], found[2], named[-1] if named else ""


def script(api: str, management: str) -> str:
    """The page as a shell would run it."""
    lines = ["set -euo pipefail"]
    for language, text, file in blocks():
        if language in WRITTEN:
            lines.append(f"cat >> {file} <<'END'\n{text}END")
        elif language == "sh":
            lines.append(SERVING.format(management=management) if text == SERVE else text.replace("localhost:8000", api))
    return "\n".join(lines)


def test_the_tutorial_works(playhall: Installation) -> None:
    """And answers what it says."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        api, management = (f"127.0.0.1:{free.getsockname()[1]}" for free in (one, two))
    del playhall.env["FLASK_APP"], playhall.env["PLAYHALL_PLUGINS"]
    person = {f"GIT_{role}_{what}": "author@localhost" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**playhall.env, **person, "PLAYHALL_BIND": api, "PLAYHALL_MANAGEMENT_BIND": management}
    command = ["bash", "-c", script(api, management)]
    done = subprocess.run(command, cwd=playhall.folder, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(text) for text in re.findall(r"\{[^{}]*\}", done.stdout)]
    for said in (json.loads(text) for language, text, _ in blocks() if language == "json"):
        assert [answer for answer in answers if said.items() <= answer.items()], f"nobody answered {said}:\n{done.stdout}"


def test_what_is_written_belongs_to_a_file() -> None:
    """One that the plugin has, or that the page has the reader write."""
    files = [file for language, _, file in blocks() if language in WRITTEN]
    assert len(files) == 8
    assert all(files)
