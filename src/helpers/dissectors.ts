import { z } from 'zod'
import { namespace, sandboxHelper, typed } from './helper.ts'

export const dissectors = namespace(
  '',
  'Protocols of your own. Entries of them look like those of any other, and reach every agent.',
  {
    dissector: sandboxHelper({
      doc: 'Defines how a protocol is read, on every worker. Belongs to the top level of a script. Connections on its `ports` are its own; without ports it is shown those in which nothing else is recognised. `probe` looks at the first bytes of a side: true = this is it, false = it is not, nothing = more bytes are needed. `parse` gets all bytes of a side that it has not taken yet, and answers what it has found at their beginning, or nothing while a message is not complete. A reply is paired with its request by order, or by `id` with `pairing: "by-id"`. Of datagrams each comes in a call of its own, and `probe` is asked first whether it is a request. What either throws goes to the console of the script, and the connection is read again from where `probe` says yes.',
      params: { declaration: typed('DissectorDeclaration') },
      returns: z.void(),
      example: `dissector({
  name: 'lines',
  ports: [7777],
  probe: function (bytes) {
    return bytes.length > 0
  },
  parse: function (bytes, from) {
    var end = bytes.indexOf('\\n')
    if (end < 0) return
    return { length: end + 1, message: { line: bytes.text(0, end) }, method: from }
  }
})`,
    }),
  },
)
