// Receive webhooks: check each signature over the bytes as they came, answer at once, and do nothing twice.
//   APIFRAME_API_KEY=afk_... node receive-webhooks.mjs 8000
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

// The HMAC key is the SHA-256 of the API key: its hex text, or its bytes where APIFRAME_WEBHOOK_SIGNING is "raw".
const digest = createHash("sha256").update(process.env.APIFRAME_API_KEY).digest();
const SECRET = process.env.APIFRAME_WEBHOOK_SIGNING === "raw" ? digest : digest.toString("hex");
const seen = new Set();

function isTrue(signature, body) {
  const expected = Buffer.from("sha256=" + createHmac("sha256", SECRET).update(body).digest("hex"));
  const sent = Buffer.from(signature ?? "");
  return sent.length === expected.length && timingSafeEqual(sent, expected);
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("error", () => {}); // the sender went away; it will send again
  request.on("end", () => receive(request, Buffer.concat(chunks), response));
});

function receive(request, body, response) {
  if (!isTrue(request.headers["x-webhook-signature"], body)) {
    response.writeHead(401).end();
    return;
  }
  response.writeHead(200).end(); // first: the sender waits for seconds only, and sends again what was not answered
  const event = JSON.parse(body);
  const once = `${event.jobId} ${event.event} ${event.progress}`;
  if (seen.has(once)) return; // in a real program, a unique row of the database
  seen.add(once);
  console.log(JSON.stringify(event));
}

server.listen(Number(process.argv[2] ?? 8000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
