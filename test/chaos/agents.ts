/**
 * Sends what comes, and each second something of its own, and notes it in a file when `hub.action` has returned: those are
 * accepted, and have to arrive. A line may be missing behind the last one: the program can die between the two.
 */
export const SENDER = `// Sender
function send(kind, n) {
  hub.action('numbered', { from: utils.nodeName(), kind: kind, n: n })
  file.append('sent', kind + ' ' + n + '\\n')
}

function onItemCaptured(data) {
  if (data.protocol.name !== 'http') return
  var found = /^\\/n\\/(\\d+)$/.exec(data.request.path)
  if (found === null) return
  send('call', Number(found[1]))
  cluster.counter.add('calls')
}

if (utils.nodeName() !== 'hub') jobs.schedule('own', '* * * * * *', function () {
  send('job', Date.now())
})
`

/** Says what has come, and counts it. */
export const RECEIVER = `// Receiver
function onHubAction(action, object) {
  if (action !== 'numbered') return
  console.log('got ' + object.from + ' ' + object.kind + ' ' + object.n)
  cluster.counter.add('got')
}
`

/** Runs each second, on one node. */
export const TICKER = `// Ticker
jobs.schedule('tick', '* * * * * *', function () {
  console.log('tick ' + utils.nodeName())
  cluster.counter.add('ticks')
}, { scope: 'cluster' })
`
