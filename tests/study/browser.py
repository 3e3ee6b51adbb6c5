"""A headless browser over the DevTools protocol, through a pipe, without any package."""

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

__all__ = ["BROWSER", "visit"]

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
_PATIENCE_S = 60.0


class _Pipe:
    """Messages to and from the browser on file descriptors 3 and 4, each ending in a zero byte."""

    def __init__(self, profile):
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        options = [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            "--no-first-run", f"--user-data-dir={profile}", "--remote-debugging-pipe",
        ]  # fmt: skip
        shell = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self.process = subprocess.Popen(
            ["bash", "-c", shell, "bash", BROWSER, *options],
            pass_fds=(to_browser, from_browser),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._rest, self._number = b"", 0
        self.events = []

    def ask(self, method, session=None, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
        raise TimeoutError(method)

    def _next(self):
        while b"\0" not in self._rest:
            part = os.read(self._in, 1 << 16)
            assert part, "the browser ended"
            self._rest += part
        line, self._rest = self._rest.split(b"\0", 1)
        message = json.loads(line)
        if "method" in message:
            self.events.append(message)
        return message

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self._out)
        os.close(self._in)


def visit(page, folder):
    """Return console messages, requests to other hosts, title and screenshot of a page.

    Parameters
    ----------
    page, folder : Path
        The page, and a folder for the browser profile.
    """
    pipe = _Pipe(folder / "profile")
    try:
        target = pipe.ask("Target.createTarget", url="about:blank")["targetId"]
        session = pipe.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            pipe.ask(f"{domain}.enable", session)
        pipe.ask("Page.navigate", session, url=Path(page).as_uri())
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            state = pipe.ask("Runtime.evaluate", session, expression="document.readyState")
            if state["result"]["value"] == "complete":
                break
            time.sleep(0.1)
        time.sleep(0.5)
        title = pipe.ask("Runtime.evaluate", session, expression="document.title")
        shot = pipe.ask("Page.captureScreenshot", session, captureBeyondViewport=True)
        names = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        console = [json.dumps(e["params"]) for e in pipe.events if e["method"] in names]
        asked = [
            e["params"]["request"]["url"]
            for e in pipe.events
            if e["method"] == "Network.requestWillBeSent"
        ]
        outside = [url for url in asked if not url.startswith(("data:", "file:"))]
        return console, outside, title["result"]["value"], base64.b64decode(shot["data"])
    finally:
        pipe.close()
