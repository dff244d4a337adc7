// Make a picture and save it, the way the API wants to be used: one idempotency key a job, and patience.
//   APIFRAME_API_KEY=afk_... node generate.mjs "a lighthouse in a storm"
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const BASE_URL = process.env.APIFRAME_BASE_URL ?? "https://api.apiframe.ai";
const API_KEY = process.env.APIFRAME_API_KEY;
const TRIES = 6;
const TIMEOUT_MS = 60_000;
const PATIENCE_MS = 600_000;

// Send a request; again after a lost answer, a 429 or a 5xx, and not before Retry-After says so.
async function ask(path, options = {}) {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    let wait = Math.min(2 ** attempt, 30);
    try {
      const headers = { "X-API-Key": API_KEY, "Content-Type": "application/json", ...options.headers };
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetch(BASE_URL + path, { ...options, headers, signal });
      if (response.ok) return await response.json();
      if (response.status !== 429 && response.status < 500) {
        throw Object.assign(new Error(`answered ${response.status}: ${await response.text()}`), { isFinal: true });
      }
      const said = response.headers.get("Retry-After"); // seconds; gateways may send a date
      if (/^\d+$/.test(said)) wait = Number(said);
      console.error(`answered ${response.status}, waiting ${wait} s`);
    } catch (error) {
      if (error.isFinal) throw error;
      console.error(`no answer (${error.message}), trying again`);
    }
    await sleep(wait * 1000);
  }
  throw new Error("the API is not to be reached; try again later");
}

const { jobId } = await ask("/v2/images/generate", {
  method: "POST",
  // The same key at each try: however often it is sent, there is one job and one price.
  headers: { "Idempotency-Key": randomUUID() },
  body: JSON.stringify({
    model: "flux-2-pro",
    prompt: process.argv.slice(2).join(" ") || "a lighthouse in a storm",
    fluxParams: { aspect_ratio: "16:9" },
  }),
});
console.log("job", jobId);

const until = Date.now() + PATIENCE_MS;
let job = await ask(`/v2/jobs/${jobId}`);
for (let pause = 1; ["QUEUED", "PROCESSING"].includes(job.status); pause = Math.min(pause * 1.5, 10)) {
  if (Date.now() > until) throw new Error("no result after 10 minutes");
  await sleep(pause * 1000);
  job = await ask(`/v2/jobs/${jobId}`);
}
if (job.status !== "COMPLETED") throw new Error(`${job.status}: ${job.error}`);

// Result addresses need no key, and are not for ever: save the file, not the address.
for (const [index, address] of job.result.images.entries()) {
  const response = await fetch(address, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${address} answered ${response.status}`);
  const picture = Buffer.from(await response.arrayBuffer());
  await writeFile(`picture-${index + 1}.png`, picture);
  console.log("saved", `picture-${index + 1}.png`, picture.length, "bytes");
}
