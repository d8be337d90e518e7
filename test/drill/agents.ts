/** How often one of many entries is sent to the hub. */
export const SENT_OF = 50

/**
 * Sends some of the entries to the hub, and notes those of which `hub.action` has returned: they are accepted, and have to arrive.
 */
export const SENDER = `// Sender
var entries = 0

function send(kind, n) {
  hub.action('numbered', { from: utils.nodeName(), kind: kind, n: n })
  file.append('sent', kind + ' ' + n + '\\n')
}

function onItemCaptured(data) {
  if (data.protocol.name !== 'http') return
  if (++entries % ${SENT_OF} === 0) send('entry', entries + '-' + data.timestamp)
}
`

/**
 * Compares the names of entries with what the two ends say of themselves in headers, and counts. Agents print the first of those that
 * are not right.
 */
export const NAMES = `// Names
var printed = 0

function add(name, n) { cluster.counter.add(name, n || 1) }

function wrong(text) {
  add('wrong')
  if (printed++ < 20) console.warn('wrong: ' + text)
}

function lacking(text) {
  if (printed++ < 20) console.warn('lacking: ' + text)
}

function check(end, said, side, data) {
  var place = said.split('/')
  if (end.name === '' || end.namespace === '') {
    lacking(side + ' ' + end.ip + ':' + end.port + ' is ' + said + ' at ' + data.startTime)
    return false
  }
  var pod = end.pod ? end.pod.metadata.namespace + '/' + end.pod.metadata.name : ''
  if (end.namespace !== place[0]) wrong(side + ' ' + end.ip + ' is ' + said + ', and not in ' + end.namespace)
  else if (pod !== '' && pod !== said) wrong(side + ' ' + end.ip + ' is ' + said + ', and not ' + pod + ' at ' + data.startTime)
  else if (pod === '' && end.name !== place[1] && end.service === null) wrong(side + ' ' + end.ip + ' is ' + said + ', and not ' + end.name)
  return true
}

function onItemCaptured(data) {
  if (data.protocol.name !== 'http' || data.request === null || data.response === null) return
  var from = data.request.headers['X-From'], to = data.response.headers['X-Pod']
  if (!from || !to) return
  add('compared')
  var source = check(data.src, from, 'source', data), target = check(data.dst, to, 'target', data)
  if (source && target) add('named')
}
`
