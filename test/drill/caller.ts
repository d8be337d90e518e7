import { Agent, get } from 'node:http'

/**
 * Runs in a pod: calls servers with so many requests a second, says in a header who calls, and prints once a second how many replies
 * came. `node caller.ts <who> <requests/s> <most, 0 = without end> <keep|close> <url>…`; the paths are numbered.
 */
const [who = '', rate = '', most = '', connections = '', ...urls] = process.argv.slice(2)
const perSecond = Number(rate)
const end = Number(most) || Number.POSITIVE_INFINITY
const agent = connections === 'keep' ? new Agent({ keepAlive: true, maxSockets: 16 }) : false
let [sent, answered, failed] = [0, 0, 0]

function call(): void {
  const url = urls[sent % urls.length] ?? ''
  const request = get(`${url}/n/${++sent}`, { agent, headers: { 'X-From': who } }, (reply) => {
    reply.resume()
    reply.on('end', () => answered++)
  })
  request.setTimeout(3000, () => request.destroy())
  request.on('error', () => failed++)
}

const began = performance.now()
setInterval(() => {
  // As many as are due by now, however late the timer is.
  const due = Math.min(end, Math.floor(((performance.now() - began) / 1000) * perSecond))
  for (let left = Math.min(due - sent, perSecond); left > 0; left--) call()
}, 20)
setInterval(() => process.stdout.write(`${JSON.stringify({ sent, answered, failed })}\n`), 1000)
