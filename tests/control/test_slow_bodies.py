"""A lever whose body comes in slowly acts on the world as it is when the body is there."""

import asyncio
import json
from urllib.parse import urlsplit

from mockserver.app import App
from tests.driver import COST, Driver


async def test_a_lever_cannot_end_a_job_that_another_has_ended_while_its_body_came_in(app: App, driver: Driver) -> None:
    job_id = await driver.submit("[[stuck]]")
    opening = await driver.balance() + COST
    place = urlsplit(app.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    head = f"POST /_mock/jobs/{job_id} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
    writer.write(f'{head}Content-Length: 18\r\nConnection: close\r\n\r\n{{"complete'.encode())
    await writer.drain()
    await driver.pull("POST", f"jobs/{job_id}", {"fail": "no capacity"})
    writer.write(b'": true}')
    await writer.drain()
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 409 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["title"] == "Job has ended"
    assert (await driver.statuses(job_id), await driver.balance()) == (["FAILED"], opening)
