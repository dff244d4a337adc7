"""From a picture of yours: upload it, upscale it, make a short video and a song from it, and extend the song.

pip install httpx
APIFRAME_API_KEY=afk_... python clip.py fox.png "a fox in falling snow"
"""

import os
import sys
import time
import uuid

import httpx

BASE_URL = os.environ.get("APIFRAME_BASE_URL", "https://api.apiframe.ai")
API_KEY = os.environ["APIFRAME_API_KEY"]
TRIES = 6
PATIENCE_S = 1800
PAUSE_S = {"images": 2, "videos": 7, "music": 7}


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


def upload(client, path):
    """The address of a file of yours, for two hours. An upload costs nothing, so a second one at a retry is no harm."""
    with open(path, "rb") as file:
        content = file.read()
    return ask(client, "POST", "/v2/uploads", files={"file": content}).json()["url"]


def start(client, what, **body):
    """Start a job; its id, and how often to look. One idempotency key a job, the same at each try."""
    once = {"Idempotency-Key": str(uuid.uuid4())}
    job_id = ask(client, "POST", f"/v2/{what}", json=body, headers=once).json()["jobId"]
    print(what, job_id)
    return job_id, PAUSE_S[what.partition("/")[0]]


def finish(client, job_id, pause):
    """The result of a job, once there is one."""
    until = time.monotonic() + PATIENCE_S
    while (job := ask(client, "GET", f"/v2/jobs/{job_id}").json())["status"] in ("QUEUED", "PROCESSING"):
        if time.monotonic() > until:
            raise SystemExit(f"no result after {PATIENCE_S} s")
        time.sleep(pause)
    if job["status"] != "COMPLETED":
        raise SystemExit(f"{job['status']}: {job['error']}")
    return job["result"]


def save(address, name):
    """Result addresses need no key, and are not for ever: save the file, not the address."""
    content = httpx.get(address, timeout=60).raise_for_status().content
    with open(name, "wb") as file:
        file.write(content)
    print("saved", name, len(content), "bytes")


def main(path, prompt):
    with httpx.Client(base_url=BASE_URL, headers={"X-API-Key": API_KEY}, timeout=60) as client:
        # The song needs no picture, so it is under way while the picture grows.
        song = start(client, "music/generate", model="suno", prompt=prompt, sunoParams={"instrumental": True})
        options = {"image": upload(client, path), "upscale_factor": 2}
        large = start(client, "images/upscale", model="topaz-image-upscale", topazUpscaleParams=options)
        picture = finish(client, *large)["images"][0]
        options = {"start_image": picture, "duration": 5}
        video = start(client, "videos/generate", model="kling-2.5-turbo-pro", prompt=prompt, klingParams=options)
        # An action names the job that it goes on from, and which of its tracks.
        finish(client, *song)
        longer = start(client, "music/suno/action", action="extend", parentJobId=song[0], index=1)
        save(finish(client, *video)["videoUrl"], "clip.mp4")
        track = finish(client, *longer)["tracks"][0]
        save(track["audioUrl"], "song.mp3")
        print(track["title"], f"{track['duration']} s")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    main(sys.argv[1], " ".join(sys.argv[2:]))
