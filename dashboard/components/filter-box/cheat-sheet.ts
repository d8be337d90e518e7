/** What can be asked for, in both languages. */
export interface CheatSheetRow {
  readonly what: string
  readonly kfl: string
  /** "" where the language has no words for it. */
  readonly cel: string
}

export const cheatSheet: readonly { readonly title: string; readonly rows: readonly CheatSheetRow[] }[] = [
  {
    title: 'Protocols',
    rows: [
      { what: 'One protocol', kfl: 'redis', cel: 'redis' },
      { what: 'HTTP of any version', kfl: 'http or http2 or grpc', cel: 'http || grpc' },
      { what: 'All but DNS', kfl: '!dns', cel: '!dns' },
    ],
  },
  {
    title: 'HTTP',
    rows: [
      { what: 'Server errors', kfl: 'response.status >= 500', cel: 'status_code >= 500' },
      { what: 'Method', kfl: 'request.method == "POST"', cel: 'http && method == "POST"' },
      {
        what: 'Beginning of a path',
        kfl: 'request.path.startsWith("/api")',
        cel: 'http && path.startsWith("/api")',
      },
      {
        what: 'Path, by a regular expression',
        kfl: 'request.path == r"^/v[12]/"',
        cel: 'path.matches("^/v[12]/")',
      },
      {
        what: 'A header',
        kfl: 'request.headers["User-Agent"].contains("curl")',
        cel: 'map_get(request.headers, "User-Agent", "").contains("curl")',
      },
      {
        what: 'Inside a JSON body',
        kfl: 'response.content.text.json().error.code == 7',
        cel: 'kfl2:response.content.text.contains("error")',
      },
    ],
  },
  {
    title: 'Ends, time and size',
    rows: [
      { what: 'To a name', kfl: 'dst.name == "cart"', cel: 'dst.service.name == "cart"' },
      { what: 'From a namespace', kfl: 'src.namespace == "shop"', cel: 'src.pod.namespace == "shop"' },
      {
        what: 'Either end',
        kfl: 'src.ip == "10.0.0.1" or dst.ip == "10.0.0.1"',
        cel: 'src.ip == "10.0.0.1" || dst.ip == "10.0.0.1"',
      },
      { what: 'Slower than a second (in µs)', kfl: 'elapsedTime > 1000000', cel: 'elapsed_time > 1000000' },
      { what: 'The last minute', kfl: 'timestamp > minutes(-1)', cel: 'timestamp > now() - duration("1m")' },
    ],
  },
  {
    title: 'What agents said, and what went wrong',
    rows: [
      {
        what: 'HTTP requests without a reply',
        kfl: 'http and response == nil',
        cel: 'http && status_code == 0',
      },
      {
        what: 'What could not be read',
        kfl: 'kfl1:error.type == "dissection"',
        cel: 'error.type == "dissection"',
      },
      { what: 'Failed by an agent', kfl: 'kfl1:failed == true', cel: '' },
      { what: 'Tagged by an agent', kfl: 'kfl1:tags.slow == true', cel: '' },
    ],
  },
  {
    title: 'Together',
    rows: [
      {
        what: 'Both, either, not',
        kfl: 'http and (response.status == 404 or !tls)',
        cel: 'http && (status_code == 404 || !tls)',
      },
      { what: 'One of several', kfl: 'dst.port == 80 or dst.port == 443', cel: 'dst.port in [80, 443]' },
    ],
  },
]
