import { type Comparison, type Rows, tally } from './seen.ts'

/** Methods of all kinds, asked and answered, as `Queue.Declare-Ok`. */
export const amqp: Comparison = (seen, truth) => {
  const { methods } = (truth.amqp as { methods?: Rows } | undefined) ?? {}
  if (methods === undefined) return []
  const ours = [...seen.requests('amqp'), ...seen.responses('amqp')]
  return [
    {
      what: 'method',
      ours: tally(ours.map(({ method }) => String(method))),
      theirs: tally(methods.rows.map((row) => nameOf(String(row[4])))),
    },
  ]
}

/** tshark 4.0 does not know the number of one method. */
function nameOf(method: string): string {
  return method === 'Exchange.Unknown' ? 'exchange unbind-ok' : method.toLowerCase().replace('.', ' ')
}
