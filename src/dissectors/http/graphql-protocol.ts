import type { Protocol } from '../../entry/protocol.ts'

/** What entries of GraphQL are of, over a version of HTTP. */
export function graphqlProtocol(http: Protocol): Protocol {
  return {
    ...http,
    abbr: 'GQL',
    longName: `GraphQL over HTTP/${http.version}`,
    macro: 'gql',
    backgroundColor: '#e10098',
    referenceLink: 'https://graphql.github.io/graphql-over-http/draft/',
  }
}
