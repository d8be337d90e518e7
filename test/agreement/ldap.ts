import { type Comparison, type Fields, type Rows, tally } from './seen.ts'

/** tshark's names of operations. */
const OPERATIONS: Readonly<Record<string, string>> = {
  'Bind Request': 'bindRequest',
  'Unbind Request': 'unbindRequest',
  'Search Request': 'searchRequest',
  'Modify Request': 'modifyRequest',
  'Add Request': 'addRequest',
  'Del Request': 'delRequest',
  'Modify DN Request': 'modDNRequest',
  'Compare Request': 'compareRequest',
  'Abandon Request': 'abandonRequest',
  'Extended Request': 'extendedReq',
  'Bind Response': 'bindResponse',
  'Search Result Done': 'searchResDone',
  'Modify Response': 'modifyResponse',
  'Add Response': 'addResponse',
  'Del Response': 'delResponse',
  'Modify DN Response': 'modDNResponse',
  'Compare Response': 'compareResponse',
  'Extended Response': 'extendedResp',
}

/** tshark lists each entry of a search; here they are counted in the reply. It does not show the name in a Del Request. */
export const ldap: Comparison = (seen, truth) => {
  const lists = ['ldap', 'cldap'].flatMap((name) => {
    const { messages } = (truth[name] as { messages?: Rows } | undefined) ?? {}
    return messages?.rows ?? []
  })
  if (lists.length === 0) return []
  const theirs = lists.map((row) => ({ operation: String(row[4]), code: row[5], dn: row[6] }))
  const requests = seen.requests('ldap')
  const responses = seen.responses('ldap')
  const operations = [...requests, ...responses].flatMap(({ type }) => OPERATIONS[String(type)] ?? [])
  return [
    {
      what: 'operation',
      ours: {
        ...tally(operations),
        searchResEntry: sum(responses, 'entryCount'),
        intermediateResponse: sum(responses, 'intermediateCount'),
        searchResRef: responses.flatMap(({ references }) => references as unknown[]).length,
      },
      theirs: tally(theirs.map(({ operation }) => operation)),
    },
    {
      what: 'result',
      ours: tally(responses.filter(({ type }) => type !== '').map(({ resultCode }) => String(resultCode))),
      theirs: tally(theirs.flatMap(({ code }) => (typeof code === 'number' ? String(code) : []))),
    },
    {
      what: 'dn',
      ours: tally(
        requests
          .filter(({ type, oid }) => type !== 'Del Request' && oid === '')
          .flatMap(({ dn }) => cut(String(dn))),
      ),
      theirs: tally(
        theirs
          .filter(({ operation }) => /Request$/.test(operation) && operation !== 'delRequest')
          .flatMap(({ dn }) => (typeof dn === 'string' ? cut(dn) : [])),
      ),
    },
  ]
}

function sum(messages: readonly Fields[], name: string): number {
  return messages.reduce((total, each) => total + Number(each[name]), 0)
}

/** Nothing for no name; the truth cuts long ones. */
function cut(dn: string): string[] {
  return dn === '' ? [] : [dn.slice(0, 100)]
}
