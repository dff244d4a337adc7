// Make a picture with the Apiframe API, whose address is a constant here, and save it.

import { writeFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'

const API = 'https://api.apiframe.ai'
const headers = { 'X-API-Key': process.env.APIFRAME_API_KEY, 'Content-Type': 'application/json' }

async function ask(path, body) {
  const response = await fetch(API + path, { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body) })
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  return response.json()
}

const { jobId } = await ask('/v2/images/generate', { model: 'flux-2-pro', prompt: 'a lighthouse in a storm' })
console.log('job', jobId)

let job = await ask(`/v2/jobs/${jobId}`)
while (['QUEUED', 'PROCESSING'].includes(job.status)) {
  await setTimeout(1000)
  job = await ask(`/v2/jobs/${jobId}`)
}
console.log(job.status, job.error ?? '')

for (const [index, address] of (job.result?.images ?? []).entries()) {
  const picture = await fetch(address)
  const name = `picture-${index + 1}.png`
  await writeFile(name, Buffer.from(await picture.arrayBuffer()))
  console.log(address, '->', name)
}
