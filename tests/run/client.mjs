// Uses the API at its constant address with Node.js' fetch and with its older https module; prints what each got.

import https from 'node:https'

const API = 'https://api.apiframe.ai'
const headers = { 'X-API-Key': process.env.APIFRAME_API_KEY, 'Content-Type': 'application/json' }
const body = JSON.stringify({ model: 'flux-2-pro', prompt: 'a fox' })

async function withFetch(url, options) {
  const response = await fetch(url, options)
  return [response.status, Buffer.from(await response.arrayBuffer())]
}

function withHttps(url, { body, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const request = https.request(url, options, async (response) => {
      resolve([response.statusCode, Buffer.concat(await response.toArray())])
    })
    request.on('error', reject).end(body)
  })
}

async function result(ask) {
  const [submitted, accepted] = await ask(`${API}/v2/images/generate`, { method: 'POST', headers, body })
  const job = JSON.parse((await ask(`${API}/v2/jobs/${JSON.parse(accepted).jobId}`, { headers }))[1])
  const address = job.result.images[0]
  const [, picture] = await ask(address)
  return { submitted, job: job.status, host: new URL(address).host, picture: picture.toString('latin1', 1, 4) }
}

console.log(JSON.stringify({ fetch: await result(withFetch), https: await result(withHttps) }))
