"""Every kind of finding. Its rule, as people read it, stands in docs/findings.md."""

from typing import NamedTuple


class Kind(NamedTuple):
    """One thing that a client may get wrong."""

    id: str
    title: str
    advice: str
    """What to do instead."""
    source: str

    @property
    def page(self) -> str:
        """Where its rule is told."""
        return f"docs/findings.md#{self.id.lower()}"


RETRY_AFTER_IGNORED = Kind(
    "RETRY-AFTER-IGNORED",
    "Came back before Retry-After was over",
    "Wait as many seconds as the Retry-After of a 429 or 503 says before you send the request again.",
    "facts.md sections 21 and 22",
)
RETRY_WITHOUT_KEY = Kind(
    "RETRY-WITHOUT-KEY",
    "Sent a submission again without an Idempotency-Key",
    "Give each submission an Idempotency-Key and send the same one at every try: after a 5xx or a lost connection the "
    "job may exist, and a second one is paid again.",
    "facts.md sections 6 and 22",
)
LORA_RETRIED_BLINDLY = Kind(
    "LORA-RETRIED-BLINDLY",
    "Sent a LoRA's creation again without looking whether it is there",
    "POST /v2/loras takes no Idempotency-Key: after a 5xx or a lost connection look at GET /v2/loras, and send the "
    "form again only if the LoRA is not there. A second training is paid again.",
    "facts.md sections 6 and 17",
)
KEY_WITH_OTHER_BODY = Kind(
    "KEY-WITH-OTHER-BODY",
    "Used one Idempotency-Key for different bodies",
    "Make a new key for each new submission, and keep its body unchanged at every try.",
    "facts.md section 6",
)
KEY_REUSED = Kind(
    "KEY-REUSED",
    "Used the Idempotency-Key of a job that it had already seen to its end",
    "For new work make a new key: the old one only gives the old job back. To see a job again, GET it by its jobId.",
    "facts.md section 6",
)
REFUSAL_RETRIED = Kind(
    "REFUSAL-RETRIED",
    "Sent a refused request again unchanged",
    "A 4xx other than 408, 425 and 429 means that the request has to change: do not retry it, report it.",
    "facts.md sections 4 and 22",
)
POLLING_TOO_FAST = Kind(
    "POLLING-TOO-FAST",
    "Asked for a job more than once a second",
    "Ask every 2 to 3 seconds for images, every 5 to 10 for videos and music, or use webhooks.",
    "facts.md section 8",
)
POLLING_AFTER_END = Kind(
    "POLLING-AFTER-END",
    "Went on asking for a job that had ended",
    "Stop at COMPLETED, FAILED and CANCELLED: nothing follows.",
    "facts.md section 8",
)
OPTIONS_FLAT = Kind(
    "OPTIONS-FLAT",
    "Put fields where they do not belong",
    "Options go into the model's parameter object, and so does the prompt of models that edit; model, webhookUrl, "
    "webhookEvents and the prompt of all others stand beside it. mockserver models MODEL shows which.",
    "facts.md section 4",
)
RESULT_AFTER_EXPIRY = Kind(
    "RESULT-AFTER-EXPIRY",
    "Asked for a file after it had expired",
    "Copy results to a place of your own when the job completes: their addresses work for 24 hours. Those of uploads "
    "work for two; upload the file again.",
    "facts.md sections 8 and 16",
)
KEY_SENT_TO_FILES = Kind(
    "KEY-SENT-TO-FILES",
    "Sent the API key to the address of a file",
    "Download results without X-API-Key and Authorization: files are public, and their host need not know the key.",
    "facts.md section 10",
)
WEBHOOK_BAD_SIGNATURE_ACCEPTED = Kind(
    "WEBHOOK-BAD-SIGNATURE-ACCEPTED",
    "The webhook receiver took an event with a false signature",
    "Compute the HMAC over the bytes that came, compare it in constant time with X-Webhook-Signature, and answer 401 "
    "if they differ.",
    "facts.md section 9",
)
WEBHOOK_RESPELLED_ACCEPTED = Kind(
    "WEBHOOK-RESPELLED-ACCEPTED",
    "The webhook receiver took an event whose bytes are not the signed ones",
    "Verify the raw body before you parse it; JSON that was parsed and written again is other bytes.",
    "facts.md section 9",
)
WEBHOOK_SIGNATURE_REJECTED = Kind(
    "WEBHOOK-SIGNATURE-REJECTED",
    "The webhook receiver refused a true signature",
    "The HMAC key is the SHA-256 of the API key that submitted the job, as hex text or as 32 bytes: a receiver should "
    "accept either. The mock signs with one, by --webhook-signing. The message is the raw body.",
    "facts.md section 9",
)
WEBHOOK_SLOW = Kind(
    "WEBHOOK-SLOW",
    "The webhook receiver took long to answer",
    "Answer 2xx at once and work afterwards: who answers late gets the event again.",
    "facts.md section 9",
)
WEBHOOK_REDIRECT = Kind(
    "WEBHOOK-REDIRECT",
    "The webhook receiver answered with a redirect",
    "Give the final address as webhookUrl: redirects are not followed, and the event counts as not received.",
    "facts.md section 9",
)
WEBHOOK_DUPLICATE_PROCESSED = Kind(
    "WEBHOOK-DUPLICATE-PROCESSED",
    "The same work was done for each copy of one event",
    "Events can come twice: remember the jobId and event of those that you have handled, and answer 2xx to the rest.",
    "facts.md section 9",
)

KINDS = (
    RETRY_AFTER_IGNORED,
    RETRY_WITHOUT_KEY,
    LORA_RETRIED_BLINDLY,
    REFUSAL_RETRIED,
    KEY_WITH_OTHER_BODY,
    KEY_REUSED,
    POLLING_TOO_FAST,
    POLLING_AFTER_END,
    OPTIONS_FLAT,
    RESULT_AFTER_EXPIRY,
    KEY_SENT_TO_FILES,
    WEBHOOK_BAD_SIGNATURE_ACCEPTED,
    WEBHOOK_RESPELLED_ACCEPTED,
    WEBHOOK_SIGNATURE_REJECTED,
    WEBHOOK_SLOW,
    WEBHOOK_REDIRECT,
    WEBHOOK_DUPLICATE_PROCESSED,
)
