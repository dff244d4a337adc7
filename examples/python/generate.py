"""Make a picture and save it, the way the API wants to be used: one idempotency key a job, and patience.

pip install httpx
APIFRAME_API_KEY=afk_... python generate.py "a lighthouse in a storm"
"""

import os
import sys
import time
import uuid

import httpx

BASE_URL = os.environ.get("APIFRAME_BASE_URL", "https://api.apiframe.ai")
API_KEY = os.environ["APIFRAME_API_KEY"]
TRIES = 6
PATIENCE_S = 600


def ask(client, method, path, **more):
    """Send a request; again after a lost answer, a 429 or a 5xx, and not before Retry-After says so."""
    for attempt in range(TRIES):
        wait = min(2**attempt, 30)
        try:
            response = client.request(method, path, **more)
        except httpx.TransportError as error:
            print(f"no answer ({error!r}), trying again", file=sys.stderr)
        else:
            if response.is_success:
                return response
            if response.status_code != 429 and response.status_code < 500:
                raise SystemExit(f"answered {response.status_code}: {response.text}")
            said = response.headers.get("Retry-After", "")  # seconds; gateways may send a date
            wait = int(said) if said.isdecimal() else wait
            print(f"answered {response.status_code}, waiting {wait} s", file=sys.stderr)
        time.sleep(wait)
    raise SystemExit("the API is not to be reached; try again later")


def main(prompt):
    with httpx.Client(base_url=BASE_URL, headers={"X-API-Key": API_KEY}, timeout=60) as client:
        # The same key at each try: however often it is sent, there is one job and one price.
        once = {"Idempotency-Key": str(uuid.uuid4())}
        body = {"model": "flux-2-pro", "prompt": prompt, "fluxParams": {"aspect_ratio": "16:9"}}
        job_id = ask(client, "POST", "/v2/images/generate", json=body, headers=once).json()["jobId"]
        print("job", job_id)
        pause, until = 1.0, time.monotonic() + PATIENCE_S
        while (job := ask(client, "GET", f"/v2/jobs/{job_id}").json())["status"] in ("QUEUED", "PROCESSING"):
            if time.monotonic() > until:
                raise SystemExit(f"no result after {PATIENCE_S} s")
            time.sleep(pause)
            pause = min(pause * 1.5, 10)
    if job["status"] != "COMPLETED":
        raise SystemExit(f"{job['status']}: {job['error']}")
    # Result addresses need no key, and are not for ever: save the file, not the address.
    for number, address in enumerate(job["result"]["images"], start=1):
        picture = httpx.get(address, timeout=60).raise_for_status().content
        name = f"picture-{number}.png"
        with open(name, "wb") as file:
            file.write(picture)
        print("saved", name, len(picture), "bytes")


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "a lighthouse in a storm")
