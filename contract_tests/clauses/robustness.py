"""ROBUST: whatever is sent, an answer comes that a client can read, and the server lives on."""

import gzip
import json
import select
import socket
import struct
from contextlib import suppress
from functools import partial
from typing import Any

from hypothesis import strategies as st

from contract_tests.clause import Level, Method, clause
from contract_tests.clauses.attack import PATIENCE_S, SERVER_ERROR, Attack, answer_in, shown
from contract_tests.clauses.auth import UNKNOWN_ID
from contract_tests.clauses.headers import json_fault
from contract_tests.clauses.validation import detailed, numbers, submitted
from contract_tests.client import GENERATE, encoded
from contract_tests.contract import Body
from contract_tests.exchange import KEY_HEADER, Exchange
from contract_tests.outcome import Inconclusive
from contract_tests.trial import ACCEPTED, BAD_REQUEST, OK, PROMPT, Trial

TOO_LARGE, URI_TOO_LONG = 413, 414
_SURVIVAL = "design 2; facts 4"
_JSON = "RFC 8259; facts 26"
_HTTP = "RFC 9112"
LONG_BYTES = 20_000
MANY = 100_000
GIGABYTE, MEGABYTE = 1_000_000_000, 1_000_000
CHUNKED_MEGABYTES = 64
BOMB_BYTES = 50 * MEGABYTE
ECHO = 200
"""Characters of its own input that an error may repeat."""


# JSON


def _broken_texts(base: Body, *, is_free: bool) -> dict[str, bytes]:
    good, poor = encoded(base), encoded({"model": base["model"]})  # whoever reads those marked poor may refuse them so
    return {
        "nothing": b"",
        "spaces": b"  \n ",
        "no end": good[:-1],
        "an open text": b'{"prompt":"a fox',
        "text after it": good + b"x",
        "two objects": good + good,
        "single quotes": (good if is_free else poor).replace(b'"', b"'"),
        "bare names": b"{model:1}",
        "a comma too many": good[:-1] + b",}",
        "a comment": b"/* a fox */" + poor,
        "a number": b"1",
        "a text": b'"a fox"',
        "null": b"null",
        "true": b"true",
        "an array": b"[" + good + b"]",
        "an empty array": b"[]",
        "NaN": b"NaN",
        "a line break in a text": b'{"model":"a\nb"}',
        "a bad escape": rb'{"model":"\x41"}',
        "half an escape": rb'{"model":"\u00"}',
        "a leading zero": b'{"model":01}',
        "a byte order mark": b"\xef\xbb\xbf" + poor,
        "UTF-16": json.dumps({"model": base["model"]}).encode("utf-16"),
        "UTF-16 without a mark": json.dumps({"model": base["model"]}).encode("utf-16-le"),
        "UTF-32": json.dumps({"model": base["model"]}).encode("utf-32"),
        "a form": b"model=flux-2-dev&prompt=a+fox",
        "XML": b"<?xml version='1.0'?><model/>",
        "a brace": b"{",
        "a bracket": b"[",
    }


@clause(
    "ROBUST-1",
    "A body that is no JSON object in UTF-8 is refused with 400: broken, empty, cut, with more after it, a scalar.",
    level=Level.MUST,
    source=_JSON,
    method=Method.PROPERTY,
    broken_by="broken-json-is-500",
)
def broken_json_is_400(trial: Trial) -> None:
    """Sends a list of broken bodies, then a good one that is cut anywhere, or starts with a wrong byte."""
    attack = Attack(trial)
    texts = _broken_texts(attack.base, is_free=trial.session.target.levers is not None)
    for operation in trial.contract.submissions:
        for raw in texts.values():
            trial.session.trace.clear()
            attack.body(raw, BAD_REQUEST, path=operation.path)
    good = encoded(attack.base)
    cuts = st.integers(1, len(good) - 1).map(lambda size: good[:size])
    wrong = st.sampled_from([b"}", b"'", b","])
    spoilt = st.builds(lambda at, byte: good[:at] + byte + good[at + 1 :], st.integers(0, 1), wrong)

    def check(raw: bytes) -> None:
        attack.body(raw, BAD_REQUEST)

    attack.each(st.one_of(cuts, spoilt), check)


CONTENT_TYPES = (
    "",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "application/json; charset=utf-8",
    "application/json; charset=UTF-8; x=y",
    "application/json; charset=utf-16",
    "application/json; charset=iso-8859-1",
    "APPLICATION/JSON",
    "application/vnd.api+json",
    "application/jsonp",
    "json",
)


@clause(
    "ROBUST-2",
    "What a body is answered whose Content-Type is missing, another one, or has a charset is noted.",
    level=Level.RECORD,
    source="nobody says",
    method=Method.EXAMPLE,
    unbroken_because="nothing is promised",
)
def content_types_are_recorded(trial: Trial) -> None:
    """Submits one body under each; where jobs cost it lacks a prompt, and `details` tells that it was read."""
    attack = Attack(trial)
    session, raw = trial.session, encoded(attack.base)
    for kind in (None, *CONTENT_TYPES):
        headers = [(KEY_HEADER, attack.client.key), *([] if kind is None else [("Content-Type", kind)])]
        name = "none" if kind is None else kind or "empty"
        try:
            answer = session.exchange("POST", GENERATE, headers, raw, attack.client.key)
        except Inconclusive:
            trial.record(name, "no answer in time")
            continue
        is_read = bool(detailed(dict(answer.fields)))
        trial.record(name, f"{answer.status}, read as JSON" if is_read else answer.status)


@clause(
    "ROBUST-3",
    "A body beyond any sensible size is refused with a 4xx, be its length declared, in chunks, or compressed.",
    level=Level.MUST,
    source=f"{_SURVIVAL}; facts 26",
    method=Method.RAW,
    tier=3,
    broken_by="no-body-limit",
)
def large_bodies_are_refused(trial: Trial) -> None:
    """Declares a gigabyte and sends ten bytes, sends up to 64 MB in chunks, and 50 MB as a small gzip."""
    attack = Attack(trial)
    good = encoded(attack.base)
    key = f"{KEY_HEADER}: {attack.client.key}".encode()
    head = attack.head("POST", GENERATE, key, b"Content-Type: application/json")
    declared = attack.raw(head + b"Content-Length: %d\r\n\r\n" % GIGABYTE + good[:10])
    if declared.status is not None:  # one that waits for more breaks nothing yet
        attack.judge(declared)
        trial.require(declared.status >= BAD_REQUEST, "a 4xx", shown(declared), cause="a gigabyte is taken")
    attack.works()
    streamed = _in_chunks(attack, head, good)
    attack.judge(streamed)
    is_refused = streamed.status is None or streamed.status >= BAD_REQUEST
    trial.require(is_refused, "a 4xx or the connection closed", shown(streamed), cause="64 MB are taken")
    attack.works()
    bomb = gzip.compress(good[:-1] + b" " * BOMB_BYTES + b"}", 1)
    zipped = attack.answered(
        lambda: attack.client.send("POST", GENERATE, body=bomb, headers=[("Content-Encoding", "gzip")])
    )
    is_refused = zipped.status is not None and zipped.status >= BAD_REQUEST
    trial.require(is_refused, "a 4xx", zipped, cause="a compressed bomb is taken")


def _in_chunks(attack: Attack, head: bytes, good: bytes) -> Exchange:
    """Send a valid body with a great many spaces, as long as the server neither answers nor closes."""
    spaces = b"%x\r\n%b\r\n" % (MEGABYTE, b" " * MEGABYTE)
    start, end = good[:-1], good[-1:]
    taken = b""
    with attack.trial.session.target.wire.open_socket(PATIENCE_S) as sock:
        with suppress(OSError):
            sock.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(start), start))
            for _ in range(CHUNKED_MEGABYTES):
                if select.select([sock], [], [], 0)[0]:
                    break
                sock.sendall(spaces)
            else:
                sock.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (len(end), end))
        with suppress(OSError):
            while select.select([sock], [], [], PATIENCE_S)[0] and (piece := sock.recv(MEGABYTE)):
                taken += piece
                if answer_in(taken).error is None:
                    break
    return attack.read(head, taken)


_STRANGE = (
    "e\u0301 and \u00e9",
    "\u200bzero\u200c width\u200d\ufeff",
    "\u202eright to left\u202c \u2067\u05d0\u05d1\u2069",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001d518n\U000e0041",
    "tab\there\r\nand lines\u2028\u2029\u0085",
    " spaces around ",
    "\ufb01\u212b\u2126 \u1e9e\u0130\u0131",
    "\\u0041 &amp; %41 <b>",
    "\ufffd\ufffe\uffff",
)
_LONE = ("\ud800", "a\udfffb", "\udc00\ud800", "\U0001f98a\ud83e")


@clause(
    "ROBUST-4",
    "A prompt comes back in `input` as it was sent, whatever characters it has.",
    level=Level.SHOULD,
    source="facts 8: exactly as sent",
    method=Method.PROPERTY,
    tier=2,
    jobs=1,
    broken_by="prompt-normalised",
)
def prompts_come_back(trial: Trial) -> None:
    """Submits prompts with astral, combining, invisible characters, lone surrogates, two directions; reads the jobs."""
    attack = Attack(trial)
    client, model = attack.client, trial.cheapest

    def check(prompt: str) -> None:
        answer = submitted(trial, client, model, {**trial.body(), "prompt": prompt})
        if _has_lone_surrogate(prompt) and answer.status == BAD_REQUEST:
            return  # it is no text that UTF-8 could hold
        job_id = trial.expect(answer, ACCEPTED)["jobId"]
        seen = client.job(job_id)
        kept = trial.expect(seen, OK).get("input")
        if isinstance(kept, dict):
            trial.require(kept.get("prompt") == prompt, f"the prompt {prompt!a}", seen, cause="another prompt")

    if trial.session.target.levers is None:
        trial.session.purse.buy()
        check("; ".join(_STRANGE))
        return
    for prompt in (*_STRANGE, *_LONE):
        trial.session.trace.clear()
        check(prompt)
    any_character = st.characters(exclude_characters="\0[", exclude_categories=())
    alphabet = st.one_of(any_character, st.sampled_from("\u0301\u200b\u202e\ud83e"))
    trial.each(st.text(alphabet, min_size=1, max_size=40), check)
    attack.works()


def _has_lone_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


@clause(
    "ROBUST-5",
    "Which of two equal names in one object counts, or that they are refused, is noted.",
    level=Level.RECORD,
    source="RFC 8259, 4: unpredictable",
    method=Method.EXAMPLE,
    unbroken_because="nothing is promised",
)
def doubled_names_are_recorded(trial: Trial) -> None:
    """Sends a stray field and two prompts, one of them empty, and looks whether `details` names the prompt."""
    attack = Attack(trial)
    for name, texts in {"the empty one last": ("a fox", ""), "the empty one first": ("", "a fox")}.items():
        raw = '{{"model":"{}","no_such_field":1,"prompt":"{}","prompt":"{}"}}'.format(trial.body()["model"], *texts)
        try:
            answer = attack.client.send("POST", GENERATE, body=raw.encode())
        except Inconclusive:
            trial.record(name, "no answer in time")
            continue
        keys = detailed(dict(answer.fields))
        reading = "refused as a whole" if not keys else "empty" if "prompt" in keys else "not empty"
        trial.record(name, f"{answer.status}, {reading}")


@clause(
    "ROBUST-6",
    "A body that is nested 100,000 deep, or has 100,000 fields, is refused with 400.",
    level=Level.MUST,
    source=f"{_SURVIVAL}; RFC 8259, 9",
    method=Method.EXAMPLE,
    broken_by="deep-json-is-500",
)
def deep_bodies_are_400(trial: Trial) -> None:
    """Sends brackets and braces, closed and open, as the body and as a parameter object, then many names."""
    attack = Attack(trial)
    start = encoded(attack.base)[:-1] + b',"' + trial.cheapest.parameters_name.encode() + b'":'
    arrays, objects = b"[" * MANY + b"]" * MANY, b'{"a":' * MANY + b"1" + b"}" * MANY
    names = b",".join(b'"k%d":1' % number for number in range(MANY))
    shapes = [arrays, objects, b"[" * MANY, b'{"a":' * MANY, b"[" * 300 + b"]" * 300]
    many = [b"{" + names + b"}", start + b"{" + names + b"}}"]
    is_paid = trial.session.target.is_paid
    for raw in [arrays, many[0]] if is_paid else [*shapes, *(start + shape + b"}" for shape in shapes), *many]:
        trial.session.trace.clear()
        attack.body(raw, BAD_REQUEST, TOO_LARGE)
    attack.works()


@clause(
    "ROBUST-7",
    "A NUL in a text, a path, a query or a header never leads to a server error.",
    level=Level.MUST,
    source=_SURVIVAL,
    method=Method.RAW,
    broken_by="nul-is-500",
)
def nul_is_harmless(trial: Trial) -> None:
    """Sends it escaped and bare in bodies, as %00 in paths and queries, and bare in request lines and headers."""
    attack = Attack(trial)
    client, body = attack.client, attack.base
    for value in (
        {**body, "model": "flux\0"},
        {**body, "a\0b": 1},
        {**body, trial.cheapest.parameters_name: {"\0": "\0"}},
        {**body, "webhookUrl": "http://host.invalid/\0", "webhookEvents": ["failed"]},
        {"model": body["model"], "prompt": 0, "\0": "\0"},
    ):
        attack.answered(partial(client.submit, value))
    attack.body(encoded(body)[:-1] + b',"a":"\0"}', BAD_REQUEST)
    if trial.session.target.levers is not None:
        accepted = attack.answered(lambda: client.submit({**body, "prompt": "a\0fox"}), ACCEPTED, BAD_REQUEST)
        if accepted.status == ACCEPTED:
            attack.answered(lambda: client.job(str(accepted.fields["jobId"])), OK)
    for path in (
        "/v2/jobs/%00",
        f"/v2/jobs/{UNKNOWN_ID}%00",
        "/v2/jobs?search=%00",
        "/v2/jobs?model=a%00b",
        "/v2/jobs?cursor=%00",
        "/v2/jobs?%00=1",
        "/v2/models?modality=%00",
        "/v2/%00",
    ):
        attack.answered(partial(client.send, "GET", path))
    for request in (
        attack.head("GET", "/v2/jobs/\0") + b"\r\n",
        attack.head("GET", "/v2/jobs?search=\0") + b"\r\n",
        attack.head("GET", "/v2/me", b"X-Odd: a\0b") + b"\r\n",
        attack.head("GET", "/v2/me", KEY_HEADER.encode() + b": a\0b") + b"\r\n",
    ):
        _no_server_error(attack, request)
    attack.works()


def _no_server_error(attack: Attack, request: bytes) -> None:
    """What is no HTTP may be refused in any form, or not at all."""
    exchange = attack.raw(request)
    is_fine = exchange.status is None or exchange.status < SERVER_ERROR
    attack.trial.require(is_fine, "no server error", shown(exchange), cause="a server error")


NO_UTF8 = (b"\xff", b"\xc3", b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xe2\x82")


@clause(
    "ROBUST-8",
    "A body, or a query, that is no UTF-8 is refused with 400.",
    level=Level.MUST,
    source=_JSON,
    method=Method.PROPERTY,
    broken_by="bad-utf8-replaced",
)
def bad_utf8_is_400(trial: Trial) -> None:
    """Puts generated bytes that are no UTF-8 into a prompt and a name, and as %xx into parameters of the list."""
    attack = Attack(trial)
    client, base = attack.client, attack.base
    start = encoded({name: value for name, value in base.items() if name != "prompt"})[:-1]
    # where jobs cost, a stray field sees to it that no reading of the bytes can be accepted
    end = b'"}' if trial.session.target.levers is not None else b'","no_such_field":1}'
    safe = st.binary(min_size=1, max_size=8).map(lambda raw: raw.replace(b'"', b"").replace(b"\\", b""))
    wrong = st.one_of(st.sampled_from(NO_UTF8), safe.filter(_is_no_utf8))

    def check(raw: bytes) -> None:
        attack.body(start + b',"prompt":"a ' + raw + end, BAD_REQUEST)

    for raw in (b"\xff", b"\xed\xa0\x80"):
        check(raw)
        attack.body(start + b',"' + raw + b'":1}', BAD_REQUEST)
    attack.each(wrong, check)

    def ask(each: tuple[str, bytes]) -> None:
        name, raw = each
        text = "".join(f"%{byte:02x}" for byte in raw)
        # a browser's own URLSearchParams reads U+FFFD, and any text may be asked for as a model
        statuses = (BAD_REQUEST, OK) if name == "model" else (BAD_REQUEST,)
        attack.answered(lambda: client.send("GET", f"/v2/jobs?{name}={text}"), *statuses)

    names = st.sampled_from(["model", "status", "search", "cursor", "limit", "scope"])
    attack.each(st.tuples(names, wrong), ask)


def _is_no_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return True
    return False


@clause(
    "ROBUST-9",
    "A header or a request line of 20 kB is refused with a 4xx in JSON that does not repeat it.",
    level=Level.MUST,
    source=f"{_SURVIVAL}; RFC 6585, 5",
    method=Method.RAW,
    tier=3,
    broken_by="long-header-is-html",
)
def long_headers_are_4xx(trial: Trial) -> None:
    """Sends a long value, name, path and query without a key, so that a server with more room says 4xx too."""
    attack = Attack(trial)
    filler = b"a" * LONG_BYTES
    text = filler.decode()
    for request in (
        attack.head("GET", "/v2/me", b"X-Long: " + filler),
        attack.head("GET", "/v2/me", filler + b": x"),
        attack.head("GET", "/v2/me", KEY_HEADER.encode() + b": " + filler),
        attack.head("GET", f"/v2/{text}"),
        attack.head("GET", f"/v2/jobs/{text}"),
        attack.head("GET", f"/v2/jobs?model={text}"),
    ):
        exchange = attack.raw(request + b"\r\n")
        for _ in range(3):
            if exchange.status is None:  # to close with bytes unread resets the connection, which can eat the answer
                exchange = attack.raw(request + b"\r\n")
        attack.judge(exchange)
        is_client_error = exchange.status is not None and BAD_REQUEST <= exchange.status < SERVER_ERROR
        trial.require(is_client_error, "a 4xx", shown(exchange), cause="no 4xx")
        is_echo = filler[:ECHO] in exchange.answer
        trial.require(not is_echo, "no repetition of the input", shown(exchange), cause="an echo")
        attack.works()


NUMBERS = (
    "9" * 5000,
    "-" + "9" * 5000,
    "0." + "1" * 5000,
    "1e400",
    "-1e400",
    "1e-400",
    "1e" + "9" * 50,
    "-0",
    "-0.0",
    "1E+2",
    "9007199254740993",
    "18446744073709551616",
    "1.7976931348623159e308",
    "5e-324",
)


@clause(
    "ROBUST-10",
    "Numbers of 5,000 digits, beyond a double's range, or minus zero lead to no server error, and to no broken JSON.",
    level=Level.MUST,
    source=f"{_SURVIVAL}; RFC 8259, 6",
    method=Method.PROPERTY,
    broken_by="huge-number-is-500",
)
def huge_numbers_are_harmless(trial: Trial) -> None:
    """Puts such numbers where numbers go, in place of the model, and into queries; reads the jobs that come of it."""
    attack = Attack(trial)
    client, is_free = attack.client, trial.session.target.levers is not None
    places = numbers(trial.contract, "integer", "number")

    def check(each: tuple[Any, str]) -> None:
        place, text = each
        body = place.filled("\0number")
        if not is_free:
            body.pop("prompt", None)
        raw = encoded(body).replace(encoded("\0number"), text.encode())
        answer = attack.body(raw, BAD_REQUEST, *((ACCEPTED,) if is_free else ()))
        if answer.status == ACCEPTED:
            seen = client.job(str(answer.fields["jobId"]))
            trial.expect(seen, OK)
            fault = json_fault(seen)
            trial.require(fault is None, "a job in JSON", seen, cause=fault or "")

    for text in NUMBERS[:: 4 if trial.session.target.is_paid else 1]:
        attack.body(b'{"prompt":1,"model":%b}' % text.encode(), BAD_REQUEST)
        attack.answered(partial(client.send, "GET", f"/v2/jobs?limit={text}"), BAD_REQUEST, OK, URI_TOO_LONG)
        if places:
            check((places[0], text))
    digits = st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "-"]),
        st.integers(1, 10**30),
        st.one_of(st.just(""), st.integers(-9999, 9999).map("e{}".format), st.integers(0, 10**40).map(".{}".format)),
    )
    if places:
        attack.each(st.tuples(st.sampled_from(places), st.one_of(st.sampled_from(NUMBERS), digits)), check)


@clause(
    "ROBUST-11",
    "A request whose length is unclear is refused with a 4xx or closed, is never taken for two, and harms nobody.",
    level=Level.MUST,
    source=f"{_HTTP}, 6.3 and 11.2",
    method=Method.RAW,
    tier=3,
    broken_by="both-lengths-is-500",
)
def unclear_lengths_are_refused(trial: Trial) -> None:
    """Sends Content-Length beside Transfer-Encoding with a request inside, bad lengths, and early ends."""
    attack = Attack(trial)
    hidden = attack.head("GET", "/v2/models") + b"\r\n"
    good = encoded(trial.body())
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(good), good)

    def post(*lines: bytes, body: bytes = good) -> bytes:
        return attack.head("POST", GENERATE, b"Content-Type: application/json", *lines) + b"\r\n" + body

    te = b"Transfer-Encoding: chunked"
    hostile = {
        "both, by length": post(b"Content-Length: %d" % (5 + len(hidden)), te, body=b"0\r\n\r\n" + hidden),
        "both, by chunks": post(te, b"Content-Length: 4", body=chunked + hidden),
        "no number": post(b"Content-Length: abc"),
        "negative": post(b"Content-Length: -1"),
        "with a plus": post(b"Content-Length: +%d" % len(good)),
        "hexadecimal": post(b"Content-Length: 0x10"),
        "beyond 64 bits": post(b"Content-Length: 99999999999999999999999"),
        "two different": post(b"Content-Length: %d" % len(good), b"Content-Length: 4"),
        "a bad chunk": post(te, body=b"zz\r\nx\r\n0\r\n\r\n"),
        "a negative chunk": post(te, body=b"-5\r\nhello\r\n0\r\n\r\n"),
    }
    early = {
        "a short body": post(b"Content-Length: %d" % (len(good) + 50)),
        "a cut chunk": post(te, body=chunked[:10]),
        "half a head": post()[:40],
    }
    for name, request in {**hostile, **early}.items():
        trial.session.trace.clear()
        taken = attack.taken(request, half_close=name in early)
        exchange = attack.read(request, taken)
        is_refused = exchange.status is None or BAD_REQUEST <= exchange.status < SERVER_ERROR
        trial.require(
            is_refused, f"a 4xx or the connection closed ({name})", shown(exchange), cause="an unclear length"
        )
        is_split = b"HTTP/1.1 200" in taken
        trial.require(not is_split, f"no request to be found in the body ({name})", shown(exchange), cause="smuggling")
        attack.works()


@clause(
    "ROBUST-12",
    "Fields named `__proto__`, `constructor` or `prototype` are unknown fields like others, refused with 400.",
    level=Level.MUST,
    source="document, additionalProperties false",
    method=Method.EXAMPLE,
    broken_by="proto-passes",
)
def proto_is_400(trial: Trial) -> None:
    """Adds each to a body and to its parameter object; then looks whether a body without a prompt has inherited one."""
    attack = Attack(trial)
    name = trial.cheapest.parameters_name
    for field in ("__proto__", "constructor", "prototype", "toString", "hasOwnProperty"):
        for value in ({"prompt": PROMPT},) if trial.session.target.is_paid else ({"prompt": PROMPT}, 1, None, {}):
            attack.body(encoded({**attack.base, field: value}), BAD_REQUEST)
            attack.body(encoded({**attack.base, name: {field: value}}), BAD_REQUEST)
    attack.body(encoded({"model": trial.body()["model"]}), BAD_REQUEST)
    attack.works()


ODD_PATHS = (
    "/v2/me/",
    "/v2//me",
    "//v2/me",
    "/V2/me",
    "/v2/ME",
    "/v2/./me",
    "/v2/../v2/me",
    "/v2/jobs/..",
    "/v2/jobs/%2e%2e/me",
    "/v2/jobs/..%2fme",
    "/v2/jobs/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/v2/jobs/..\\..\\me",
    "/v2%2fme",
    "/%76%32/me",
    "/v2/me;a=b",
    "/v2/me%20",
    "/v2/me%00",
    "/v2/jobs/",
    "/v2",
    "/",
)


@clause(
    "ROBUST-13",
    "What paths with dots, double or closing slashes, escapes and other cases are answered is noted.",
    level=Level.RECORD,
    source="nobody says",
    method=Method.EXAMPLE,
    unbroken_because="nothing is promised",
)
def odd_paths_are_recorded(trial: Trial) -> None:
    """Asks for each as it stands, with a good key."""
    attack = Attack(trial)
    for path in ODD_PATHS:
        attack.noted(path, partial(attack.client.send, "GET", path))


@clause(
    "ROBUST-14",
    "A client that goes away in the middle of a request or of an answer does no harm to those who come after it.",
    level=Level.MUST,
    source=_SURVIVAL,
    method=Method.RAW,
    tier=3,
    broken_by="client-gone-breaks-server",
)
def gone_clients_do_no_harm(trial: Trial) -> None:
    """Hangs up after a head, in the middle of a body, before an answer and after its first byte; then asks as usual."""
    attack = Attack(trial)
    body = encoded({"model": trial.body()["model"]})
    post = attack.head("POST", GENERATE, b"Content-Type: application/json", b"Content-Length: %d" % len(body)) + b"\r\n"
    get = attack.head("GET", "/v2/models") + b"\r\n"
    partings = {
        "after half a head": (get[:30], 0),
        "after the head": (post, 0),
        "in the middle of the body": (post + body[:5], 0),
        "before the answer": (get, 0),
        "after its first byte": (get, 1),
        "before many answers": (get * 50, 1),
    }
    for name, (data, size) in partings.items():
        for is_abrupt in (True, False):
            _hang_up(attack, data, size, is_abrupt=is_abrupt)
            trial.session.note(f"hang up {name}", "reset" if is_abrupt else "closed")
            for _ in range(3):
                attack.works()


def _hang_up(attack: Attack, data: bytes, size: int, *, is_abrupt: bool) -> None:
    """Send, read that much of the answer, and leave: with a reset, or by closing."""
    with suppress(OSError), attack.trial.session.target.wire.open_socket(PATIENCE_S) as sock:
        sock.sendall(data)
        if size:
            sock.recv(size)
        if is_abrupt:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
