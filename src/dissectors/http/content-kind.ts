/** Bodies that are looked into, whoever wants them: messages of gRPC, a message of DNS. */
export type ContentKind = 'grpc' | 'dns' | 'other'

/** What a Content-Type says of a body. (`grpc-web-text` is base64 of messages.) */
export function kindOf(contentType: string): ContentKind {
  if (!contentType.startsWith(APPLICATION)) return 'other'
  if (contentType.startsWith(DNS)) return 'dns'
  return contentType.startsWith(GRPC) && GRPC_TYPE.test(contentType) ? 'grpc' : 'other'
}

/** The same of what stands at `at` in a head, where that can be told without cutting it out: most bodies are neither. */
export function isPlain(text: string, at: number): boolean {
  const letter = text.charCodeAt(at + APPLICATION.length)
  if (letter !== DNS.charCodeAt(APPLICATION.length) && letter !== GRPC.charCodeAt(APPLICATION.length))
    return true
  return !text.startsWith(DNS, at) && !text.startsWith(GRPC, at)
}

/** How messages of gRPC are written: `proto` unless the type says `+json`. */
export function formatOf(contentType: string): string {
  return GRPC_TYPE.exec(contentType)?.[1] ?? 'proto'
}

const APPLICATION = 'application/'
const DNS = 'application/dns-message'
const GRPC = 'application/grpc'
const GRPC_TYPE = /^application\/grpc(?:-web)?(?:\+([\w.-]+))?\s*(?:[;,]|$)/
