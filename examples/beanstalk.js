// Beanstalk: a protocol that Remora does not know, read by an agent
//
// https://github.com/beanstalkd/beanstalkd/blob/master/doc/protocol.txt
// Commands and replies are lines; some are followed by a job, whose size the line gives.
// What this reads comes to every agent as an entry with data.protocol.name == "beanstalk".

var COMMANDS = /^(put|use|reserve|reserve-with-timeout|reserve-job|delete|release|bury|touch|watch|ignore|peek|peek-ready|peek-delayed|peek-buried|kick|kick-job|stats|stats-job|stats-tube|list-tubes|list-tube-used|list-tubes-watched|pause-tube|quit)( |\r\n)/
var REPLIES = /^(INSERTED|BURIED|EXPECTED_CRLF|JOB_TOO_BIG|DRAINING|USING|RESERVED|DEADLINE_SOON|TIMED_OUT|DELETED|RELEASED|TOUCHED|WATCHING|NOT_IGNORED|NOT_FOUND|FOUND|KICKED|PAUSED|OK|OUT_OF_MEMORY|INTERNAL_ERROR|BAD_FORMAT|UNKNOWN_COMMAND)( |\r\n)/
var HAS_JOB = { put: true, RESERVED: true, FOUND: true, OK: true }
var FAILURES = /^(BURIED|EXPECTED_CRLF|JOB_TOO_BIG|DRAINING|TIMED_OUT|NOT_FOUND|NOT_IGNORED|OUT_OF_MEMORY|INTERNAL_ERROR|BAD_FORMAT|UNKNOWN_COMMAND)$/
var LONGEST_LINE = 224
var MOST_SHOWN = 4096

dissector({
  name: 'beanstalk',
  longName: 'Beanstalk work queue',
  backgroundColor: '#4d7c2a',
  referenceLink: 'https://beanstalkd.github.io/',
  ports: [11300],

  probe: function (bytes, from) {
    var line = bytes.latin1(0, LONGEST_LINE)
    if ((from === 'client' ? COMMANDS : REPLIES).test(line)) return true
    // More may make a word of it, as long as there are only letters.
    return /^[a-zA-Z_-]{1,22}\r?$/.test(line) ? undefined : false
  },

  parse: function (bytes, from, session) {
    var end = bytes.indexOf('\r\n')
    if (end < 0) return bytes.length > LONGEST_LINE ? false : undefined
    var words = bytes.text(0, end).split(' ')
    var name = words[0]
    if (!(from === 'client' ? COMMANDS : REPLIES).test(bytes.latin1(0, end + 2))) return false
    var length = end + 2
    var job = ''
    if (HAS_JOB[name] === true) {
      var size = Number(words[words.length - 1])
      if (!(size >= 0)) return false
      length += size + 2
      if (bytes.length < length) return { need: length }
      job = bytes.text(end + 2, end + 2 + Math.min(size, MOST_SHOWN))
    }
    return from === 'client' ? command(name, words, length, job, session) : reply(name, words, length, job)
  }
})

function command(name, words, length, job, session) {
  if (name === 'use') session.tube = words[1]
  var tube = session.tube === undefined ? 'default' : session.tube
  return {
    length: length,
    message: { command: name, args: words.slice(1), tube: tube, job: job },
    method: name,
    summary: name === 'put' ? tube : words.slice(1).join(' '),
    noReply: name === 'quit'
  }
}

function reply(name, words, length, job) {
  return {
    length: length,
    message: { reply: name, args: words.slice(1), failed: FAILURES.test(name), job: job },
    status: FAILURES.test(name) ? 1 : 0
  }
}

// What the entries are good for: jobs by tube, and how long they took to be put.
var tubes = {}

function onItemCaptured(data) {
  if (data.protocol.name !== 'beanstalk' || data.request === null || data.request.command !== 'put') return
  var tube = data.request.tube
  if (tubes[tube] === undefined) tubes[tube] = { jobs: 0, failed: 0, micros: 0 }
  tubes[tube].jobs++
  tubes[tube].micros += data.elapsedTime
  if (data.response === null || data.response.failed) tubes[tube].failed++
}

jobs.schedule('beanstalk-tubes', '0 * * * * *', function () {
  for (var tube in tubes)
    console.log(
      'tube ' + tube + ': ' + tubes[tube].jobs + ' jobs, ' + tubes[tube].failed + ' refused, ' +
        Math.round(tubes[tube].micros / tubes[tube].jobs) + ' µs each'
    )
  tubes = {}
})
