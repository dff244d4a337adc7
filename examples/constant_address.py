"""Make a picture with the Apiframe API, whose address is a constant here, and save it."""

import json
import os
import time
import urllib.request

API = "https://api.apiframe.ai"
HEADERS = {"X-API-Key": os.environ["APIFRAME_API_KEY"], "Content-Type": "application/json"}


def ask(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(API + path, data, HEADERS)) as response:
        return json.load(response)


accepted = ask("/v2/images/generate", {"model": "flux-2-pro", "prompt": "a lighthouse in a storm"})
print("job", accepted["jobId"])

job = ask(f"/v2/jobs/{accepted['jobId']}")
while job["status"] in ("QUEUED", "PROCESSING"):
    time.sleep(1)
    job = ask(f"/v2/jobs/{accepted['jobId']}")
print(job["status"], job["error"] or "")

for number, address in enumerate((job["result"] or {}).get("images", []), start=1):
    with urllib.request.urlopen(address) as response, open(f"picture-{number}.png", "wb") as file:
        file.write(response.read())
    print(address, "->", file.name)
