"""What generate.py does, with nothing but the standard library.

APIFRAME_API_KEY=afk_... python generate_stdlib.py "a lighthouse in a storm"
"""

import json
import os
import sys
import time
import uuid
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

BASE_URL = os.environ.get("APIFRAME_BASE_URL", "https://api.apiframe.ai")
API_KEY = os.environ["APIFRAME_API_KEY"]
TRIES = 6
PATIENCE_S = 600


def ask(path, body=None, **headers):
    """Send a request; again after a lost answer, a 429 or a 5xx, and not before Retry-After says so."""
    data = None if body is None else json.dumps(body).encode()
    headers |= {"X-API-Key": API_KEY, "Content-Type": "application/json"}
    for attempt in range(TRIES):
        wait = min(2**attempt, 30)
        try:
            with urlopen(Request(BASE_URL + path, data, headers), timeout=60) as response:
                return json.load(response)
        except HTTPError as error:
            if error.code != 429 and error.code < 500:
                raise SystemExit(f"answered {error.code}: {error.read().decode()}") from None
            said = error.headers.get("Retry-After", "")  # seconds; gateways may send a date
            wait = int(said) if said.isdecimal() else wait
            print(f"answered {error.code}, waiting {wait} s", file=sys.stderr)
            error.close()
        except (OSError, HTTPException) as error:
            print(f"no answer ({error!r}), trying again", file=sys.stderr)
        time.sleep(wait)
    raise SystemExit("the API is not to be reached; try again later")


def main(prompt):
    # The same key at each try: however often it is sent, there is one job and one price.
    once = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"model": "flux-2-pro", "prompt": prompt, "fluxParams": {"aspect_ratio": "16:9"}}
    job_id = ask("/v2/images/generate", body, **once)["jobId"]
    print("job", job_id)
    pause, until = 1.0, time.monotonic() + PATIENCE_S
    while (job := ask(f"/v2/jobs/{job_id}"))["status"] in ("QUEUED", "PROCESSING"):
        if time.monotonic() > until:
            raise SystemExit(f"no result after {PATIENCE_S} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 10)
    if job["status"] != "COMPLETED":
        raise SystemExit(f"{job['status']}: {job['error']}")
    # Result addresses need no key, and are not for ever: save the file, not the address.
    for number, address in enumerate(job["result"]["images"], start=1):
        name = f"picture-{number}.png"
        with urlopen(address, timeout=60) as response, open(name, "wb") as file:
            print("saved", name, file.write(response.read()), "bytes")


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "a lighthouse in a storm")
