"""`mockserver serve` follows edits: a settings file that comes, is broken, is mended and goes."""

import json
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from tests.cli.conftest import Start, stopped, url_of


def test_a_settings_file_may_come_and_go_while_the_server_runs(start: Start, tmp_path: Path) -> None:
    server = start("serve", "--port", "0")
    url, file = url_of(server), tmp_path / "mockserver.toml"
    assert server.stderr is not None

    def told(word: str) -> str:
        """The next line of the log with this word."""
        assert server.stderr is not None
        return next(line.rstrip("\n") for line in server.stderr if word in line)

    told("try:")
    polls = 0
    while job_speed(url) != 60:
        if polls % 100 == 0:  # the watch may begin after the first time
            file.write_text("speed = 60", encoding="utf-8")
        polls += 1
    assert told("changed").endswith("mockserver.toml changed: speed is 60 now")
    file.write_text("speed = 60\n[[faults]]\ndrop = 1", encoding="utf-8")
    assert 'mockserver.toml: faults[0].drop: 1 will not do: want "before" or "after" the work is done' in told("drop")
    file.write_text("[[faults]]\ngateway = 502\n[[faults]]\ngateway = 503", encoding="utf-8")
    assert told("changed").endswith("mockserver.toml changed: speed is 15 now, 2 fault rules")
    file.unlink()
    assert told("changed").endswith("mockserver.toml changed: 0 fault rules")
    assert stopped(server).code == 0


def job_speed(url: str) -> float:
    """What the server divides job times by."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", "/_mock/clock")
    with connection.getresponse() as answer:
        found: float = json.loads(answer.read())["jobSpeed"]
    connection.close()
    return found
