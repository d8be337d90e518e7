/** What filters can say beside fields, with how it is explained to people. The languages are held to these tables. */
export interface Word {
  readonly doc: string
  /** A whole filter. */
  readonly example: string
}

const shifted = (unit: string) => ({
  doc: `Now plus so many ${unit}, in ms since the epoch; negative numbers are before now`,
  example: `timestamp >= ${unit}(-1)`,
})

/** Functions of KFL v1 that stand for themselves. */
export const KFL_HELPERS = {
  now: { doc: 'Now, in ms since the epoch', example: 'timestamp >= now()' },
  seconds: shifted('seconds'),
  minutes: shifted('minutes'),
  hours: shifted('hours'),
  days: shifted('days'),
  weeks: shifted('weeks'),
  months: shifted('months'),
  years: shifted('years'),
  datetime: {
    doc: 'A time in UTC: month/day/year and 12 hours',
    example: 'timestamp >= datetime("10/19/2025, 6:29:02.000 PM")',
  },
  limit: { doc: 'At most so many entries', example: 'http and limit(100)' },
  rlimit: { doc: 'At most so many entries', example: 'http and rlimit(100)' },
  redact: {
    doc: 'Masks values in what is shown',
    example: 'http and redact("request.headers.Authorization")',
  },
  record: { doc: 'Entries of a recording', example: 'record("incident")' },
} as const satisfies Readonly<Record<string, Word>>

/** Functions of KFL v1 on a value. */
export const KFL_METHODS = {
  startsWith: { doc: 'The text begins with', example: 'request.path.startsWith("/api")' },
  endsWith: { doc: 'The text ends with', example: 'request.path.endsWith(".json")' },
  contains: { doc: 'The text has in it', example: 'request.path.contains("orders")' },
  json: {
    doc: 'The text as JSON, also from Base64; what is in it is selected behind it',
    example: 'response.content.text.json().user[0].name == "ann"',
  },
  xml: { doc: 'The text as XML', example: 'response.content.text.xml().order.id == "7"' },
} as const satisfies Readonly<Record<string, Word>>

export const KFL_KEYWORDS = {
  and: { doc: 'Both hold', example: 'http and response.status == 500' },
  or: { doc: 'One holds, or both; put parentheses where "and" is near', example: 'http or dns' },
  true: { doc: 'Holds for every entry', example: 'true' },
  false: { doc: 'Holds for none', example: 'tls == false' },
  nil: { doc: 'Nothing', example: 'response == nil' },
} as const satisfies Readonly<Record<string, Word>>

export const KFL_OPERATORS = {
  '==': {
    doc: 'Is the same, compared as text; a regular expression matches anywhere',
    example: 'request.path == r"^/v1/"',
  },
  '!=': { doc: 'Is there and is another', example: 'request.method != "GET"' },
  '>': { doc: 'Greater, compared as numbers', example: 'elapsedTime > 100000' },
  '>=': { doc: 'Not less', example: 'response.status >= 500' },
  '<': { doc: 'Less', example: 'response.status < 400' },
  '<=': { doc: 'Not greater', example: 'dst.port <= 1024' },
  '!': { doc: 'Does not hold', example: '!dns' },
  '[*]': { doc: 'Any element of a list', example: 'request.questions[*].name == "example.com"' },
  '["…"]': {
    doc: 'A key that is no word; case does not matter for headers',
    example: 'request.headers["User-Agent"] == r"curl"',
  },
  '..': { doc: 'A field at any depth', example: 'response.content.text.json()..id == 3' },
  'r"…"': { doc: 'A regular expression (RE2)', example: 'dst.name == r"^(carts|orders)"' },
} as const satisfies Readonly<Record<string, Word>>

/** Functions of CEL. Those with `isMethod` stand behind a value and a dot. */
export const CEL_FUNCTIONS = {
  contains: { isMethod: true, doc: 'The text, or the list, has in it', example: 'path.contains("orders")' },
  startsWith: { isMethod: true, doc: 'The text begins with', example: 'path.startsWith("/api")' },
  endsWith: { isMethod: true, doc: 'The text ends with', example: 'path.endsWith(".json")' },
  matches: {
    isMethod: true,
    doc: 'A regular expression (RE2) matches somewhere',
    example: 'path.matches("^/v[12]/")',
  },
  size: { isMethod: false, doc: 'Characters, elements or keys', example: 'size(dns_answers) > 1' },
  map_get: {
    isMethod: false,
    doc: 'The value of a key, or what is given for none; case does not matter for headers',
    example: 'map_get(request.headers, "User-Agent", "").contains("curl")',
  },
  now: { isMethod: false, doc: 'Now, in ms since the epoch', example: 'timestamp > now() - duration("5m")' },
  timestamp: {
    isMethod: false,
    doc: 'A time, RFC 3339',
    example: 'timestamp >= timestamp("2026-01-01T00:00:00Z")',
  },
  duration: {
    isMethod: false,
    doc: 'Length of time in ms: 5m, 1h30m, 250ms',
    example: 'timestamp > now() - duration("1h")',
  },
  int: {
    isMethod: false,
    doc: 'As a whole number',
    example: 'int(map_get(request.headers, "X-Retry", "0")) > 1',
  },
  uint: { isMethod: false, doc: 'As a whole number', example: 'uint(response_body_size) > 1000u' },
  double: { isMethod: false, doc: 'As a number', example: 'double(elapsed_time) / 1000.0 > 1.5' },
  string: { isMethod: false, doc: 'As a text', example: 'string(status_code).startsWith("5")' },
  bool: { isMethod: false, doc: 'Whether it is something', example: 'bool(error)' },
  has: { isMethod: false, doc: 'Whether it is there', example: 'has(request.headers)' },
} as const satisfies Readonly<Record<string, Word & { isMethod: boolean }>>

/** Of lists, with a name for each element. */
export const CEL_MACROS = {
  exists: { doc: 'It holds for an element', example: 'dns_questions.exists(name, name.endsWith(".com"))' },
  all: { doc: 'It holds for every element', example: 'dns_answers.all(each, each.startsWith("10."))' },
  exists_one: { doc: 'It holds for just one', example: 'namespaces.exists_one(each, each == "shop")' },
  filter: {
    doc: 'Those that it holds for',
    example: 'size(dns_answers.filter(each, each.contains(":"))) > 0',
  },
  map: { doc: 'Something of each', example: '"A" in dns_question_types.map(each, each)' },
} as const satisfies Readonly<Record<string, Word>>

export const CEL_OPERATORS = {
  '==': { doc: 'Is the same', example: 'status_code == 500' },
  '!=': { doc: 'Is another, or nothing', example: 'method != "GET"' },
  '<': { doc: 'Less', example: 'status_code < 400' },
  '<=': { doc: 'Not greater', example: 'dst.port <= 1024' },
  '>': { doc: 'Greater', example: 'elapsed_time > 100000' },
  '>=': { doc: 'Not less', example: 'status_code >= 500' },
  '&&': { doc: 'Both hold', example: 'http && status_code >= 500' },
  '||': { doc: 'One holds, or both', example: 'redis || kafka' },
  '!': { doc: 'Does not hold', example: '!dns' },
  in: { doc: 'Is an element, or a key', example: '"shop" in namespaces' },
  '?:': { doc: 'One or the other', example: '(http ? status_code : 0) >= 500' },
} as const satisfies Readonly<Record<string, Word>>
