"""Forms, which take no Idempotency-Key: whether they are sent again with care."""

import io
from typing import Any

import aiohttp
import pytest

from mockserver.clock import Clock
from tests.driver import Driver
from tests.findings.conftest import Found

PNG = b"\x89PNG\r\n\x1a\n"
DROPPED = 0


def lora_form(name: str) -> aiohttp.FormData:
    form = aiohttp.FormData({"name": name, "gender": "female", "ethnicity": "Nordic"})
    for number in range(15):
        form.add_field("images", io.BytesIO(PNG), filename=f"{number:02}.png")
    return form


async def create(driver: Driver, name: str = "Ann") -> int:
    """The status of a LoRA's creation; 0 where the connection was dropped."""
    try:
        async with driver.http.post("/v2/loras", data=lora_form(name)) as answer:
            return answer.status
    except aiohttp.ClientError:
        return DROPPED


async def upload(driver: Driver, content: bytes = PNG) -> int:
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(content), filename="a.png")
    async with driver.http.post("/v2/uploads", data=form) as answer:
        return answer.status


async def order(driver: Driver, operation: str, **rule: Any) -> None:
    await driver.pull("POST", "faults", {"match": {"operation": operation}, "times": 1, **rule}, status=201)


@pytest.mark.parametrize("fault", [{"gateway": 502}, {"drop": "before"}, {"drop": "after"}])
async def test_a_lora_that_is_created_again_after_a_failure_without_a_look_is_found_once(
    fault: dict[str, Any], driver: Driver, found: Found
) -> None:
    await order(driver, "loras.create", **fault)
    assert [await create(driver) for _ in range(3)] == [fault.get("gateway", DROPPED), 202, 202]
    assert await found() == {"LORA-RETRIED-BLINDLY": [[1, 2]]}


async def test_a_look_at_the_list_another_lora_and_a_minute_clear_a_failure(
    driver: Driver, clock: Clock, found: Found
) -> None:
    for between in ("loras", "another", "time"):
        await order(driver, "loras.create", gateway=504)
        assert await create(driver) == 504
        if between == "loras":
            async with driver.http.get("/v2/loras") as answer:
                assert answer.status == 200
        elif between == "another":
            assert await create(driver, "Annabel") == 202
        else:
            clock.advance(61)
        assert await create(driver) == 202
    assert await found() == {}


async def test_a_lora_after_a_refusal_and_an_upload_after_a_failure_are_none(driver: Driver, found: Found) -> None:
    assert [await create(driver, ""), await create(driver, "X")] == [400, 202]
    await order(driver, "uploads.create", gateway=502)
    assert [await upload(driver), await upload(driver)] == [502, 201]
    assert await found() == {}


async def test_forms_that_are_refused_or_told_to_wait_alike_may_be_others(driver: Driver, found: Found) -> None:
    assert [await upload(driver, b"one"), await upload(driver, b"two")] == [400, 400]
    await order(driver, "uploads.create", respond={"status": 503})
    assert [await upload(driver), await upload(driver)] == [503, 201]
    assert await found() == {}
