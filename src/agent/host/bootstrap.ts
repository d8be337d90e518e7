import type { HelperStub } from './protocol.ts'

/**
 * Runs inside the realm of an agent, before its script: builds everything that the script can see, and the few
 * functions with which the host drives it. It is compiled from its own text, so it can use nothing but its
 * parameters and the built-ins of the realm; it takes private copies of those before the script can replace them.
 *
 * What crosses from the host are primitives and arrays that are read by index; what crosses back are primitives.
 * No object of the host is ever handed to the script, and nothing that the script made is touched by the host.
 */
export function bootstrap(
  host: BootstrapHost,
  settings: BootstrapSettings,
  bytesOf: (text: string) => object,
  podOf: (text: string) => object,
): Realm {
  const G = globalThis as unknown as Record<string, unknown>
  const O = Object
  const A = Array
  const S = String
  const E = Error
  const TE = TypeError
  const RE = RangeError
  const D = Date
  const RX = RegExp
  const P = Proxy
  const Sym = Symbol
  const create = O.create
  const defineAs = O.defineProperty
  const freeze = O.freeze
  const setPrototype = O.setPrototypeOf
  const keysOf = O.keys
  const stringify = JSON.stringify
  const parse = JSON.parse
  const isArray = A.isArray
  const apply = Reflect.apply
  const construct = Reflect.construct
  const reflectGet = Reflect.get
  const reflectDefine = Reflect.defineProperty
  const objectPrototype = O.prototype
  const hasOwn = O.hasOwn
  const descriptorOf = O.getOwnPropertyDescriptor
  const textValue = S.prototype.valueOf
  const lower = S.prototype.toLowerCase
  const slice = S.prototype.slice
  const indexOf = S.prototype.indexOf
  const sort = A.prototype.sort
  const charCode = S.prototype.charCodeAt
  const fromCharCode = S.fromCharCode
  const split = S.prototype.split
  const replaceAll = S.prototype.replaceAll
  const toISO = D.prototype.toISOString

  // --- errors -------------------------------------------------------------------------------------------------

  /** Messages of V8 name what stands in the text that it was given; scripts have `this` there. */
  function asWritten(message: string): string {
    return apply(replaceAll, message, [settings.thisInMessages, 'this'])
  }

  /** `Name: message`, whatever was thrown, as long as a console line may be; never throws itself. */
  function say(thrown: unknown): string {
    const text = sayAll(thrown)
    return text.length > settings.longestLine ? apply(slice, text, [0, settings.longestLine]) : text
  }

  function sayAll(thrown: unknown): string {
    try {
      if (thrown instanceof E) {
        const name = S(thrown.name)
        const message = S(thrown.message)
        return message === '' ? name : `${name}: ${message}`
      }
      if (typeof thrown === 'object' && thrown !== null) {
        const { name, message } = thrown as { name?: unknown; message?: unknown }
        if (typeof message === 'string') return typeof name === 'string' ? `${name}: ${message}` : message
      }
      return S(thrown)
    } catch {
      return 'an error that cannot be shown'
    }
  }

  /** The stack without the message before it, as far as it is of use. */
  function stackOf(thrown: unknown): string {
    try {
      const stack = (thrown as { stack?: unknown }).stack
      if (typeof stack !== 'string') return ''
      const message = sayAll(thrown)
      const from = apply(slice, stack, [0, message.length]) === message ? message.length : 0
      return apply(slice, stack, [from, from + settings.longestLine])
    } catch {
      return ''
    }
  }

  /**
   * Calls a function of the host; what it throws becomes an error of this realm. No call may go without: where the
   * stack is used up, any of them throws.
   */
  function ask<Answer>(run: () => Answer): Answer {
    let failure: string
    try {
      return run()
    } catch (thrown) {
      failure = `${(thrown as Error).message}`
    }
    throw new E(failure)
  }

  // --- values -------------------------------------------------------------------------------------------------

  /** Defines a property; what the script has put on Object.prototype is no part of the descriptor. */
  function define<Target extends object>(target: Target, key: PropertyKey, descriptor: PropertyDescriptor) {
    return defineAs(target, key, setPrototype(descriptor, null))
  }

  /** Made once, for what is defined in large numbers. */
  const listed: PropertyDescriptor = { value: 0, writable: true, enumerable: true, configurable: true }
  const unlisted: PropertyDescriptor = { value: 0, writable: true, enumerable: false, configurable: true }
  setPrototype(listed, null)
  setPrototype(unlisted, null)

  function setOwn(target: object, key: string, value: unknown): void {
    if (key === '__proto__')
      define(target, key, { value, writable: true, enumerable: true, configurable: true })
    else (target as Record<string, unknown>)[key] = value
  }

  /** A copy, in this realm, of a value that JSON could have made. */
  function clone(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (isArray(value)) {
      const copy = new A(value.length)
      for (let at = 0; at < value.length; at++) copy[at] = clone(value[at])
      return copy
    }
    const copy = {}
    const keys = keysOf(value)
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at] as string
      setOwn(copy, key, clone((value as Record<string, unknown>)[key]))
    }
    return copy
  }

  /** The same value, fixed all the way down. */
  function frozen(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    const keys = keysOf(value)
    for (let at = 0; at < keys.length; at++) frozen((value as Record<string, unknown>)[keys[at] as string])
    return freeze(value)
  }

  /** Header names are matched as written first, and if there is none, whatever their case. */
  const headersPrototype = new P(create(objectPrototype) as object, {
    get(target, key, receiver) {
      if (typeof key === 'string' && receiver !== target && !hasOwn(objectPrototype, key)) {
        const wanted = apply(lower, key, [])
        const names = keysOf(receiver as object)
        for (let at = 0; at < names.length; at++) {
          const name = names[at] as string
          if (name.length === wanted.length && apply(lower, name, []) === wanted)
            return (receiver as Record<string, unknown>)[name]
        }
      }
      return reflectGet(objectPrototype, key, receiver)
    },
  })

  function headers(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    const copy = create(headersPrototype) as object
    const names = keysOf(value)
    for (let at = 0; at < names.length; at++) {
      const name = names[at] as string
      listed.value = (value as Record<string, unknown>)[name]
      defineAs(copy, name, listed)
    }
    return copy
  }

  /** An object of the Kubernetes API, from its text, or from what is kept of it. */
  function kubernetes(value: unknown, isPod: boolean): unknown {
    if (value === null) return null
    const text = typeof value === 'string' ? value : stringify(value)
    return isPod ? podOf(text) : parse(text)
  }

  /** Bodies for scripts that take them for arrays of numbers (agent-api §5.5). */
  function bytes(text: unknown): unknown {
    if (typeof text !== 'string') return text
    const codes = new A(text.length)
    for (let at = 0; at < text.length; at++) codes[at] = apply(charCode, text, [at]) & 0xff
    return codes
  }

  /** Prototype of a kind of object of an entry: it has the Go names of the fields, which are not listed. */
  function shape(names: readonly string[], aliases: readonly string[]): object {
    const prototype = create(objectPrototype) as object
    for (let at = 0; at < names.length; at++) {
      const name = names[at] as string
      define(prototype, aliases[at] as string, {
        get(this: Record<string, unknown>) {
          return this[name]
        },
        set(this: Record<string, unknown>, value: unknown) {
          this[name] = value
        },
        enumerable: false,
        configurable: true,
      })
    }
    return prototype
  }

  /** Old names that are worked out (agent-api §5.1). */
  function legacy(prototype: object): object {
    define(prototype, 'namespace', {
      get(this: { src?: { namespace?: string }; dst?: { namespace?: string } }) {
        return this.dst?.namespace || this.src?.namespace || ''
      },
      enumerable: false,
      configurable: true,
    })
    define(prototype, 'outgoing', { get: () => false, enumerable: false, configurable: true })
    return prototype
  }

  /** Beyond it `Date` gives up (ECMA-262 §21.4.1.1). */
  const MOST_SECONDS = 8.64e12

  /** The time of a packet: a Date whose JSON has the nanoseconds. */
  function timestamp(seconds: number, nanos: number): Date {
    const date = new D(seconds * 1000 + (nanos - (nanos % 1000000)) / 1000000)
    const digits = S(1000000000 + nanos)
    const isDate = seconds >= -MOST_SECONDS && seconds <= MOST_SECONDS
    unlisted.value = () =>
      `${isDate ? apply(slice, apply(toISO, date, []), [0, -4]) : '0000-00-00T00:00:00.'}${apply(slice, digits, [1])}Z`
    defineAs(date, 'toJSON', unlisted)
    return date
  }

  // --- console ------------------------------------------------------------------------------------------------

  function show(value: unknown): string {
    if (typeof value === 'string') return value
    if (saysMore(value)) return inWords(value)
    if (typeof value === 'object' && value !== null) {
      let text: string | undefined
      try {
        text = stringify(value, (_key, inner) => (saysMore(inner) ? inWords(inner) : inner))
      } catch (thrown) {
        // V8 draws a picture of a circle below the message.
        const [message] = apply(split, say(thrown), ['\n']) as string[]
        text = `[${message}]`
      }
      if (text === undefined) return 'undefined'
      // A Date and the like: its text, without the quotes of JSON.
      return shorten(text[0] === '"' ? S(parse(text)) : text)
    }
    if (typeof value === 'function') return `[function ${S((value as { name?: unknown }).name)}]`
    try {
      return S(value)
    } catch (thrown) {
      return `[${say(thrown)}]`
    }
  }

  /** JSON makes nothing of it. */
  function saysMore(value: unknown): boolean {
    return value instanceof E || value instanceof RX
  }

  function inWords(value: unknown): string {
    return value instanceof E ? say(value) : S(value)
  }

  function shorten(text: string): string {
    if (text.length <= settings.longestValue) return text
    return `${apply(slice, text, [0, settings.longestValue])}… (${text.length} characters, cut)`
  }

  function print(level: number, values: unknown[]): void {
    let line = ''
    for (let at = 0; at < values.length; at++) line += (at === 0 ? '' : ' ') + show(values[at])
    if (line.length > settings.longestLine)
      line = `${apply(slice, line, [0, settings.longestLine])}… (${line.length} characters, cut)`
    ask(() => host.print(level, asWritten(line)))
  }

  // --- functions that the host keeps for later -----------------------------------------------------------------

  const tasks: { [id: number]: Kept | undefined } = create(null)
  let lastTask = 0

  /** Keeps a function for as long as the host knows its number: not at all when it refuses. */
  function keep<Answer>(kept: Kept, tell: (id: number) => Answer): { id: number; answer: Answer } {
    const id = ++lastTask
    tasks[id] = kept
    try {
      return { id, answer: ask(() => tell(id)) }
    } catch (thrown) {
      delete tasks[id]
      throw thrown
    }
  }

  // --- helpers ------------------------------------------------------------------------------------------------

  /** Helpers that work inside; all others are called over the bridge. */
  const inside: { [path: string]: Task } = create(null)
  inside['console.log'] = (...values) => print(0, values)
  inside['console.error'] = (...values) => print(1, values)
  inside['console.warn'] = (...values) => print(2, values)
  inside['console.info'] = (...values) => print(3, values)
  inside['console.debug'] = (...values) => print(4, values)
  inside['console.clear'] = () => {
    ask(() => host.print(5, ''))
  }
  inside['test.pass'] = (data) => mark(data, 'passed', 'test.pass')
  inside['test.fail'] = (data) => mark(data, 'failed', 'test.fail')
  inside['jobs.schedule'] = (tag, cron, task, limit, ...args) => {
    if (typeof task !== 'function')
      throw new TE('jobs.schedule(tag, cron, task, limit, ...args): task must be a function')
    const { times, isCluster } = jobOptions(limit)
    const { answer: replaced } = keep({ run: task as Task, args, isTimer: false }, (id) =>
      host.schedule(S(tag), S(cron), times > 0 ? times : 0, isCluster, id),
    )
    if (replaced > 0) delete tasks[replaced]
  }
  inside['jobs.remove'] = (tag) => void ask(() => host.jobs('remove', S(tag)))
  inside['jobs.removeAll'] = () => void ask(() => host.jobs('removeAll', ''))
  inside['jobs.list'] = () => parse(ask(() => host.jobs('list', '')))
  inside['jobs.run'] = (tag) => void ask(() => host.jobs('run', S(tag)))
  inside['jobs.runAll'] = () => void ask(() => host.jobs('runAll', ''))
  inside['jobs.scheduler.isRunning'] = () => ask(() => host.jobs('isRunning', '')) === 'true'
  inside['jobs.scheduler.start'] = () => void ask(() => host.jobs('start', ''))
  inside['jobs.scheduler.stop'] = () => void ask(() => host.jobs('stop', ''))
  inside['hub.action'] = (action, object) => {
    const text = object === undefined ? undefined : stringify(object)
    ask(() => host.hubAction(S(action), text))
  }
  inside['cluster.counter.add'] = (name, by) => void ask(() => host.count(S(name), amount(by)))
  inside['cluster.topk.add'] = (name, key, by) => void ask(() => host.countKey(S(name), S(key), amount(by)))
  inside['cluster.unique.add'] = (name, value) => {
    const isObject = typeof value === 'object' && value !== null
    const text = isObject ? S(stringify(value)) : S(value)
    ask(() => host.countUnique(S(name), text))
  }
  inside['cluster.quantile.add'] = (name, value) =>
    void ask(() => host.measure(S(name), typeof value === 'number' ? value : NaN))
  inside['prometheus.metric'] = (name, help, type, value, labels) =>
    exported('prometheus.metric', ofType('prometheus.metric', type), name, help, value, labels)
  inside['prometheus.vector'] = (name, help, type, value, labels) =>
    exported('prometheus.vector', ofType('prometheus.vector', type), name, help, value, labels)
  inside['prometheus.inc'] = (name, by, labels, help) =>
    void exported('prometheus.inc', 'inc', name, help, by ?? 1, labels)
  inside['prometheus.set'] = (name, value, labels, help) =>
    void exported('prometheus.set', 'gauge', name, help, value, labels)
  inside['prometheus.observe'] = (name, value, labels, buckets, help) =>
    void exported('prometheus.observe', 'histogram', name, help, value, labels, buckets)
  inside['utils.nodeName'] = () => settings.nodeName
  inside['utils.bytes'] = (text) => bytes(text)
  inside['kfl.match'] = (query, data) => {
    const [text, entry] =
      typeof query !== 'string' && typeof data === 'string' ? [data, query] : [query, data]
    if (typeof text !== 'string') throw new TE('kfl.match(query, data): query must be text')
    return ask(() => host.match(text, entry === undefined ? 'null' : (stringify(entry) ?? 'null'))) === true
  }
  inside['kfl.validate'] = (query) => typeof query === 'string' && ask(() => host.validate(query)) === true
  inside['vendor.kinesis.put'] = saysItself('vendor.kinesis.put')
  inside['wrapper.kflPcapS3'] = kflPcapS3('wrapper.kflPcapS3')
  inside['wrapper.buildHAR'] = archive('wrapper.buildHAR')

  inside['wrapper.joinMaps'] = (a, b) => joined(a, b)

  /** Names that a map has as its own count, whatever they are called: `constructor` and `__proto__`, too. */
  function joined(a: unknown, b: unknown): object {
    const result = {}
    addTo(result, a)
    addTo(result, b)
    return result
  }

  function addTo(result: Record<string, unknown>, map: unknown): void {
    if (!isMap(map)) return
    const keys = keysOf(map)
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at] as string
      setOwn(result, key, together(hasOwn(result, key) ? result[key] : undefined, map[key]))
    }
  }

  function together(before: unknown, value: unknown): unknown {
    if (typeof before === 'number' && typeof value === 'number') return before + value
    return isMap(value) ? joined(isMap(before) ? before : undefined, value) : value
  }

  function isMap(value: unknown): value is { readonly [key: string]: unknown } {
    return typeof value === 'object' && value !== null && !isArray(value)
  }

  /** How the values of a counter are meant; "": that is found out. */
  let counterMode = ''

  function exported(
    path: string,
    how: string,
    name: unknown,
    help: unknown,
    value: unknown,
    labels: unknown,
    buckets?: unknown,
  ): string {
    const isGiven = labels !== undefined && labels !== null
    if (isGiven && (typeof labels !== 'object' || isArray(labels)))
      throw new TE(`${path}: labels must be an object`)
    const number = typeof value === 'object' || value === undefined ? NaN : +(value as number)
    const text = isGiven ? S(stringify(labels)) : '{}'
    const bounds = buckets === undefined || buckets === null ? '' : S(stringify(buckets))
    const words = help === undefined || help === null ? '' : S(help)
    return ask(() => host.exported(path, how, S(name), words, number, text, counterMode, bounds))
  }

  /** The numbers that scripts have for them (agent-api §4.5). */
  function ofType(path: string, type: unknown): string {
    const kind = +(type as number)
    if (kind === 1) return 'counter'
    if (kind === 2) return 'gauge'
    if (kind === 3) return 'untyped'
    throw new TE(`${path}: type must be 1 for a counter, 2 for a gauge or 3 for neither`)
  }

  /** One, unless it is given. What is no number is none. */
  function amount(by: unknown): number {
    return by === undefined || by === null ? 1 : typeof by === 'number' ? by : NaN
  }

  // --- dissectors ---------------------------------------------------------------------------------------------

  const readers: Reader[] = []
  /** Objects in which scripts remember what they know of a connection. */
  const sessions: { [session: number]: object | undefined } = create(null)
  let isLoading = true

  inside.dissector = (declared) => {
    if (!isLoading)
      throw new E('dissector(…) belongs to the top level of a script: it is read before the traffic begins')
    if (typeof declared !== 'object' || declared === null)
      throw new TE('dissector({name, ports, transport, probe, parse}): an object is expected')
    const { probe, parse: read } = declared as { probe?: unknown; parse?: unknown }
    if (typeof probe !== 'function') throw new TE('dissector: probe(bytes, from) must be a function')
    if (typeof read !== 'function') throw new TE('dissector: parse(bytes, from, session) must be a function')
    const text = stringify(declared)
    const at = ask(() => host.dissector(text))
    readers[at] = { probe: probe as Task, parse: read as Task }
  }

  /** A number, or `{limit, scope}`. */
  function jobOptions(limit: unknown): { times: number; isCluster: boolean } {
    if (limit === undefined || limit === null) return { times: 0, isCluster: false }
    if (typeof limit !== 'object') return { times: +(limit as number), isCluster: false }
    const keys = keysOf(limit)
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at] as string
      if (key !== 'limit' && key !== 'scope')
        throw new TE(`jobs.schedule: there is no option "${key}"; there are limit and scope`)
    }
    const { limit: times, scope } = limit as { limit?: unknown; scope?: unknown }
    if (times !== undefined && (typeof times !== 'number' || !(times >= 0)))
      throw new TE('jobs.schedule: limit must be a number, 0 or more')
    if (scope !== undefined && scope !== 'node' && scope !== 'cluster')
      throw new TE("jobs.schedule: scope must be 'node' or 'cluster'")
    return { times: (times as number | undefined) ?? 0, isCluster: scope === 'cluster' }
  }

  function mark(data: unknown, flag: 'passed' | 'failed', path: string): unknown {
    if (typeof data !== 'object' || data === null) throw new TE(`${path}(data): data must be an entry`)
    ;(data as Record<string, unknown>)[flag] = true
    return data
  }

  /** `place`: where the call stands whose answer nobody looks at; 0: of all others. */
  function over(path: string, place: number): Task {
    return (...values) => {
      const text = stringify(values)
      // A script may have given arrays a `toJSON`.
      if (text === undefined || text[0] !== '[') throw new TE(`${path}: its arguments are no JSON`)
      if (text.length > settings.longestCall)
        throw new RE(
          `${path}: its arguments have ${text.length} characters of JSON, more than ${settings.longestCall}`,
        )
      const reply = ask(() => host.call(path, text, place))
      return reply === '' ? undefined : parse(reply)
    }
  }

  /** Over the bridge, to an answer that scripts put into texts as it is: as text it is its JSON. */
  function saysItself(path: string): Task {
    const call = over(path, 0)
    return (...values) => {
      const answer = call(...values)
      if (typeof answer === 'object' && answer !== null) {
        unlisted.value = () => stringify(answer)
        defineAs(answer, 'toString', unlisted)
      }
      return answer
    }
  }

  /** The member of a helper that takes such calls: it makes a function for each place in the script. */
  function ignoring(helper: Task, stub: HelperStub): void {
    const made: { [place: number]: Task } = create(null)
    const at = (place: number) => (made[place] ??= guarded(stub, over(stub.path, place)))
    define(helper, settings.ignored, { value: at })
  }

  function guarded(stub: HelperStub, run: Task): Task {
    return (...values) => {
      if (values.length < stub.min)
        throw new TE(`${stub.path}(${stub.params.join(', ')}): ${stub.params[values.length]} is missing`)
      return run(...values)
    }
  }

  /** Puts the function at `vendor.kinesis.put`, making the namespaces on the way. */
  function install(path: string, run: Task): void {
    const steps = apply(split, path, ['.']) as string[]
    let at: Record<string, unknown> = G
    for (let step = 0; step < steps.length - 1; step++) {
      const name = steps[step] as string
      if (!hasOwn(at, name)) {
        const inner = {}
        define(at, name, { value: inner, writable: at === G, enumerable: true, configurable: at === G })
      }
      at = at[name] as Record<string, unknown>
    }
    const last = steps[steps.length - 1] as string
    define(run, 'name', { value: last })
    define(at, last, { value: run, writable: at === G, enumerable: true, configurable: at === G })
  }

  // --- wrapper.buildHAR ---------------------------------------------------------------------------------------

  /** In pieces: the calls of a busy minute are more than what crosses the bridge at once. */
  function archive(path: string): Task {
    const call = over(path, 0)
    const AT_ONCE = 1000
    const LIST = '"entries":['
    const END = ']}}'

    function timeOf(entry: unknown): number {
      const time =
        typeof entry === 'object' && entry !== null ? (entry as { timestamp?: unknown }).timestamp : 0
      return typeof time === 'number' ? time : 0
    }

    return (entries, ...others) => {
      if (!isArray(entries) || entries.length <= AT_ONCE) return call(entries, ...others)
      const sorted: unknown[] = []
      for (let at = 0; at < entries.length; at++) sorted[at] = entries[at]
      apply(sort, sorted, [(a: unknown, b: unknown) => timeOf(a) - timeOf(b)])
      let text = ''
      let isEmpty = true
      for (let from = 0; from < sorted.length; from += AT_ONCE) {
        const piece: unknown[] = []
        for (let at = from; at < sorted.length && at < from + AT_ONCE; at++) piece[at - from] = sorted[at]
        const part = call(piece)
        if (typeof part !== 'string') return part
        const begin = (apply(indexOf, part, [LIST]) as number) + LIST.length
        if (text === '') text = apply(slice, part, [0, begin]) as string
        const list = apply(slice, part, [begin, -END.length]) as string
        if (list === '') continue
        text += isEmpty ? list : `,${list}`
        isEmpty = false
      }
      return text + END
    }
  }

  // --- wrapper.kflPcapS3 --------------------------------------------------------------------------------------

  /** Matches here, where an entry that nobody wants costs little; over the bridge, packets are put aside and sent. */
  function kflPcapS3(path: string): Task {
    const call = over(path, 0)
    const sets: { [kfl: number]: PcapSet | undefined } = create(null)
    /** Filters that cannot be read, and are told of once. */
    const broken: { [query: string]: true | undefined } = create(null)
    const RETRY_MS = 60_000

    function matches(kfl: number, query: unknown, json: string): boolean {
      const text = S(query)
      if (broken[text]) return false
      try {
        return ask(() => host.match(text, json))
      } catch (thrown) {
        broken[text] = true
        print(1, [`${path}: kflArr[${kfl}] cannot be read: ${say(thrown)}`])
        return false
      }
    }

    function shipLater(kfl: number, set: PcapSet, ms: number): void {
      const kept = { run: () => ship(kfl), args: [], isTimer: true }
      set.timer = keep(kept, (id) => host.timer(id, ms, false)).id
    }

    function ship(kfl: number): unknown {
      const set = sets[kfl] as PcapSet
      clear(set.timer)
      const { options, leftOut } = set
      let url: unknown
      try {
        url = call({ ship: kfl }, options)
      } catch (thrown) {
        set.isLate = true
        shipLater(kfl, set, RETRY_MS)
        throw thrown
      }
      delete sets[kfl]
      if (leftOut > 0)
        print(2, [`${path}: kflArr[${kfl}]: ${leftOut} streams more than maxL4Streams were left out`])
      if (options.verbose === true) print(3, [`${path}: kflArr[${kfl}]: uploaded ${S(url)}`])
      return url
    }

    return (data, given) => {
      const options = given as PcapOptions | null | undefined
      if (typeof options !== 'object' || options === null || !isArray(options.kflArr))
        throw new TE(`${path}(data, options): options.kflArr must be a list of filters`)
      const { kflArr, maxMinutes, maxL4Streams, active } = options
      const stream = (data as { stream?: unknown } | null | undefined)?.stream
      if (active === false || typeof stream !== 'string') return
      const most = typeof maxL4Streams === 'number' && maxL4Streams >= 1 ? maxL4Streams : 100_000
      const minutes = typeof maxMinutes === 'number' && maxMinutes > 0 ? maxMinutes : 60

      const json = stringify(data)
      const kfls: number[] = []
      for (let kfl = 0; kfl < kflArr.length; kfl++) {
        const known = sets[kfl]
        if (known?.streams[stream] || !matches(kfl, kflArr[kfl], json)) continue
        if (known !== undefined && known.count >= most) known.leftOut++
        else kfls[kfls.length] = kfl
      }
      if (kfls.length === 0) return
      call({ hold: stream, kfls }, options)
      let url: unknown
      for (let at = 0; at < kfls.length; at++) {
        const kfl = kfls[at] as number
        let set = sets[kfl]
        if (set === undefined) {
          set = { streams: create(null), count: 0, leftOut: 0, timer: 0, isLate: false, options }
          sets[kfl] = set
          shipLater(kfl, set, minutes * 60_000)
        }
        set.streams[stream] = true
        set.count++
        set.options = options
        if (set.count >= most && !set.isLate) url = ship(kfl)
      }
      return url
    }
  }

  // --- timers -------------------------------------------------------------------------------------------------

  function timer(repeat: boolean): Task {
    return (task, delay, ...args) => {
      if (typeof task !== 'function') throw new TE('a timer needs a function')
      const ms = +(delay as number)
      const kept = { run: task as Task, args, isTimer: true }
      return keep(kept, (id) => host.timer(id, ms > 0 ? ms : 0, repeat)).id
    }
  }

  function clear(id: unknown): void {
    const number = +(id as number)
    if (tasks[number]?.isTimer !== true) return
    delete tasks[number]
    ask(() => host.clearTimer(number))
  }

  // --- the realm ----------------------------------------------------------------------------------------------

  /** Time stands where the traffic is: `new Date()` and `Date.now()` follow the capture. */
  function virtualDate(): void {
    const now = () => ask(() => host.now())
    const Virtual = function (this: unknown, ...values: unknown[]) {
      if (new.target === undefined) return S(new D(now()))
      const given = values.length === 0 ? [now()] : values
      return construct(D, given, new.target === Virtual ? D : new.target)
    } as unknown as DateConstructor
    define(Virtual, 'prototype', { value: D.prototype, writable: false })
    define(Virtual, 'name', { value: 'Date' })
    define(Virtual, 'length', { value: 7 })
    for (const name of ['parse', 'UTC'] as const)
      define(Virtual, name, { value: D[name], writable: true, enumerable: false, configurable: true })
    define(Virtual, 'now', { value: now, writable: true, enumerable: false, configurable: true })
    define(D.prototype, 'constructor', {
      value: Virtual,
      writable: true,
      enumerable: false,
      configurable: true,
    })
    define(G, 'Date', { value: Virtual, writable: true, enumerable: false, configurable: true })
  }

  /**
   * Native loops that nothing can interrupt, present elements or not: they must not begin on more than they can finish
   * before the process would have to die for it.
   */
  function boundNativeLoops(): void {
    const { longestArray, longestText, mostCharacters, mostLocales } = settings
    // Those that do not loop.
    const quick = { constructor: 1, at: 1, push: 1, pop: 1, keys: 1, values: 1, entries: 1 }
    for (const name of O.getOwnPropertyNames(A.prototype)) {
      const original = (A.prototype as unknown as Record<string, unknown>)[name]
      if (typeof original !== 'function' || hasOwn(quick, name)) continue
      const isConcat = name === 'concat'
      const problem = (self: unknown, values: readonly unknown[]) => {
        let length = lengthOf(self)
        for (let at = 0; isConcat && at < values.length; at++) {
          const more = lengthOf(values[at])
          if (more > length) length = more
        }
        if (length === Infinity) return 'the length must be a number of its own'
        return length > longestArray ? `${length} elements are too many` : ''
      }
      // By text, with a comparison of ours: it can be interrupted.
      const sorts = name === 'sort' || name === 'toSorted'
      bound(A.prototype, 'Array.prototype', name, problem, sorts ? byText : undefined)
    }
    for (const name of ['repeat', 'padStart', 'padEnd'] as const)
      bound(S.prototype, 'String.prototype', name, (self, values) => {
        const times = +(values[0] as number) * (name === 'repeat' ? S(self).length : 1)
        return times > longestText ? `${times} characters are too many` : ''
      })
    for (const name of [
      'assign',
      'create',
      'defineProperties',
      'entries',
      'getOwnPropertyDescriptors',
      'getOwnPropertyNames',
      'keys',
      'values',
    ])
      bound(O, 'Object', name, (_self, values) => {
        for (let at = 0; at < values.length; at++) {
          const length = isText(values[at]) ? (values[at] as string).length : 0
          if (length > mostCharacters) return `${length} characters are too many`
        }
        return ''
      })
    for (const [holder, holderName, names, at] of [
      [S.prototype, 'String.prototype', ['toLocaleLowerCase', 'toLocaleUpperCase'], 0],
      [S.prototype, 'String.prototype', ['localeCompare'], 1],
      [Number.prototype, 'Number.prototype', ['toLocaleString'], 0],
      [BigInt.prototype, 'BigInt.prototype', ['toLocaleString'], 0],
      [D.prototype, 'Date.prototype', ['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString'], 0],
    ] as const)
      for (const name of names)
        bound(holder, holderName, name, (_self, values) => {
          const length = typeof values[at] === 'string' ? 1 : lengthOf(values[at])
          return length > mostLocales ? 'a locale or a short list of locales is expected' : ''
        })
    boundLists()
    boundLongTexts()
  }

  /** What makes a list of anything that has a length. */
  function boundLists(): void {
    const { longestArray } = settings
    const tooMany = (length: number) => (length > longestArray ? `${length} elements are too many` : '')
    bound(A, 'Array', 'from', (_self, values) =>
      typeof values[0] === 'string' ? '' : tooMany(lengthOf(values[0])),
    )
    bound(Function.prototype, 'Function.prototype', 'apply', (_self, values) => tooMany(lengthOf(values[1])))
    bound(S, 'String', 'raw', (_self, values) => {
      // Read once, as a getter may answer something else later.
      const raw =
        values[0] === undefined || values[0] === null ? values[0] : (values[0] as { raw: unknown }).raw
      values[0] = { raw }
      return tooMany(lengthOf(raw))
    })
    bound(JSON, 'JSON', 'stringify', (_self, values) => (isArray(values[1]) ? tooMany(values[1].length) : ''))
  }

  /** What takes long for texts that a script has put together itself: longer than any body, or worse than linear. */
  function boundLongTexts(): void {
    const { longestWork, longestNormal, mostComparisons } = settings
    const tooLong = (length: number, most = longestWork) =>
      length > most ? `${length} characters are too many` : ''
    for (const name of ['replace', 'replaceAll', 'split', 'match', 'matchAll', 'search'] as const)
      boundText(name, (text, pattern) => tooLong(text.length) || tooSlow(text, pattern))
    for (const name of ['indexOf', 'lastIndexOf', 'includes'] as const) boundText(name, tooSlow)
    for (const name of ['anchor', 'fontcolor', 'fontsize', 'link'] as const)
      boundText(name, (_text, value) => tooLong(S(value).length))
    boundText('normalize', (text) => tooLong(text.length, longestNormal))
    for (const name of [
      'decodeURI',
      'decodeURIComponent',
      'encodeURI',
      'encodeURIComponent',
      'escape',
      'unescape',
    ])
      bound(G, '', name, (_self, values) => {
        values[0] = S(values[0])
        return tooLong((values[0] as string).length)
      })
    bound(JSON, 'JSON', 'parse', (_self, values) => {
      values[0] = S(values[0])
      return tooLong((values[0] as string).length)
    })

    /** A text is compared with another at each of its characters. */
    function tooSlow(text: string, pattern: unknown): string {
      if (typeof pattern !== 'string' || text.length * pattern.length <= mostComparisons) return ''
      return `${pattern.length} characters are too many to look for in ${text.length}`
    }
  }

  /** Like `bound` for a method of texts that takes two arguments at most, quicker. */
  function boundText(name: string, wrong: (text: string, value: unknown) => string): void {
    const original = (S.prototype as unknown as Record<string, unknown>)[name] as Task
    const { bounded } = {
      bounded(this: unknown, first: unknown, second: unknown) {
        // Not an object of one, which may change.
        const text = this === undefined || this === null ? '' : S(this)
        const problem = wrong(text, first)
        if (problem !== '') throw new RE(`String.prototype.${name}: ${problem}`)
        return apply(original, this === undefined || this === null ? this : text, [first, second])
      },
    }
    define(bounded, 'name', { value: name })
    define(bounded, 'length', { value: original.length })
    define(S.prototype, name, { value: bounded, writable: true, enumerable: false, configurable: true })
  }

  /** Puts a function in place of a native one that first asks what is wrong with a call: "" for nothing. */
  function bound(
    holder: object,
    holderName: string,
    name: string,
    wrong: (self: unknown, values: unknown[]) => string,
    firstByDefault?: unknown,
  ): void {
    const original = (holder as Record<string, unknown>)[name] as Task
    // A method, so that it is no constructor either.
    const { bounded } = {
      bounded(this: unknown, ...values: unknown[]) {
        const problem = wrong(this, values)
        if (problem !== '') throw new RE(`${holderName}${holderName === '' ? '' : '.'}${name}: ${problem}`)
        const isDefault = firstByDefault !== undefined && values[0] === undefined
        return apply(original, this, isDefault ? [firstByDefault] : values)
      },
    }
    define(bounded, 'name', { value: name })
    define(bounded, 'length', { value: original.length })
    define(holder, name, { value: bounded, writable: true, enumerable: false, configurable: true })
  }

  /**
   * What a native loop will take for its length; Infinity for one that may change when it is read again: a getter, an
   * object, something inherited.
   */
  function lengthOf(self: unknown): number {
    if (isArray(self)) return self.length
    if (self === null || self === undefined) return 0
    if (typeof self === 'string') return self.length
    const own = descriptorOf(O(self), 'length')
    if (own === undefined) return 'length' in O(self) ? Infinity : 0
    if (!hasOwn(own, 'value')) return Infinity
    const { value } = own as { value: unknown }
    return typeof value === 'object' || typeof value === 'function' ? Infinity : +(value as number)
  }

  function isText(value: unknown): boolean {
    if (typeof value === 'string') return true
    if (typeof value !== 'object' || value === null) return false
    try {
      apply(textValue as Task, value, [])
      return true
    } catch {
      return false
    }
  }

  function byText(a: unknown, b: unknown): number {
    const left = S(a)
    const right = S(b)
    return left < right ? -1 : left > right ? 1 : 0
  }

  function removeGlobals(): void {
    for (let at = 0; at < settings.removed.length; at++) delete G[settings.removed[at] as string]
    // With symbols a script can make built-in functions do what it wants; newer syntax has them anyway.
    if (settings.isES5) {
      delete G.Symbol
      delete (O as unknown as Record<string, unknown>).getOwnPropertySymbols
    } else ownSymbols()
    // Reachable without their global names.
    for (const name of ['fromAsync'] as const) delete (A as unknown as Record<string, unknown>)[name]
  }

  /** V8's own registry is one for all realms, and is never emptied. */
  function ownSymbols(): void {
    const symbols: { [name: string]: symbol | undefined } = create(null)
    const names: { [symbol: symbol]: string | undefined } = create(null)
    const registry = {
      for(key: unknown) {
        const name = S(key)
        const known = symbols[name]
        if (known !== undefined) return known
        const made = Sym(name)
        symbols[name] = made
        names[made] = name
        return made
      },
      keyFor(symbol: unknown) {
        if (typeof symbol !== 'symbol') throw new TE('Symbol.keyFor takes a symbol')
        return names[symbol]
      },
    }
    for (const name of ['for', 'keyFor'] as const)
      define(Sym, name, { value: registry[name], writable: true, enumerable: false, configurable: true })
  }

  // --- shared `this` ------------------------------------------------------------------------------------------

  /**
   * The object that all agents of a component share, as this agent sees it: an object of its own realm whose
   * properties live with the host. Functions and objects that are put there belong to the realm of who put them.
   */
  function sharedView(): object {
    return new P({} as object, {
      get: (target, key) => (isShared(key) ? ask(() => host.sharedGet(key)) : reflectGet(target, key)),
      has: (target, key) => isShared(key) || key in target,
      set(_target, key, value, receiver) {
        // A bare assignment to an undeclared name comes here as well: it stays with the agent, unless it is shared.
        if (receiver === G && !isShared(key))
          return reflectDefine(G, key, { value, writable: true, enumerable: true, configurable: true })
        ask(() => host.sharedSet(key, value))
        return true
      },
      deleteProperty(_target, key) {
        ask(() => host.sharedDelete(key))
        return true
      },
      ownKeys: () => parse(ask(() => host.sharedKeys())) as string[],
      getOwnPropertyDescriptor: (_target, key) =>
        isShared(key)
          ? {
              value: ask(() => host.sharedGet(key)),
              writable: true,
              enumerable: true,
              configurable: true,
            }
          : undefined,
      defineProperty(_target, key, descriptor) {
        const value = hasOwn(descriptor, 'value')
          ? descriptor.value
          : apply(descriptor.get as Task, undefined, [])
        ask(() => host.sharedSet(key, value))
        return true
      },
      setPrototypeOf: () => false,
      preventExtensions: () => false,
    })
  }

  function isShared(key: PropertyKey): boolean {
    return ask(() => host.sharedHas(key))
  }

  const env = frozen(parse(settings.env))
  for (let at = 0; at < settings.stubs.length; at++) {
    const stub = settings.stubs[at] as HelperStub
    const helper = guarded(stub, inside[stub.path] ?? over(stub.path, 0))
    install(stub.path, helper)
    if (!stub.isQueued) continue
    const queued = { ...stub, path: `${stub.path}.queue` }
    const queue = guarded(queued, over(queued.path, 0))
    install(queued.path, queue)
    ignoring(helper, stub)
    ignoring(queue, queued)
  }
  if (hasOwn(G, 'prometheus'))
    define(G.prometheus as object, 'counterMode', {
      get: () => (counterMode === '' ? undefined : counterMode),
      set(mode: unknown) {
        if (mode !== undefined && mode !== null && mode !== 'total' && mode !== 'delta')
          throw new TE('prometheus.counterMode must be "total", "delta" or undefined')
        counterMode = (mode as string | null | undefined) ?? ''
      },
      enumerable: true,
      configurable: false,
    })
  define(G, 'env', { get: () => env, set() {}, enumerable: true, configurable: true })
  install('setTimeout', timer(false))
  install('setInterval', timer(true))
  install('clearTimeout', clear)
  install('clearInterval', clear)
  if (settings.virtualTime) virtualDate()
  boundNativeLoops()
  removeGlobals()

  const view = settings.sharesThis ? sharedView() : {}
  if (settings.sharesThis) setPrototype(G, view)

  /** Stands for `this` inside functions of the script: a plain call's `this` is the shared object. */
  const thisOf = (value: unknown): unknown => (value === G ? view : value)

  let hookOf: (hook: number) => Task | undefined = () => undefined
  let makers: readonly ((row: readonly unknown[]) => object)[] = []
  let queryMakers: typeof makers = []
  const madeBy = (source: MakerSource) =>
    source(clone, headers, shape, legacy, settings.bytes ? bytes : (text: unknown) => text, kubernetes)

  /** A hook that cannot even be looked up is none. */
  function findHook(hook: number): Task | undefined {
    try {
      return hookOf(hook)
    } catch {
      return undefined
    }
  }

  /** For the host: the message, and in the lines after it the stack. */
  function failureOf(thrown: unknown): string {
    return `${asWritten(say(thrown))}\n${stackOf(thrown)}`
  }

  function failed(hook: number, thrown: unknown): boolean {
    const message = asWritten(say(thrown))
    const stack = stackOf(thrown)
    return ask(() => host.failed(hook, message, stack))
  }

  function itemAt(rows: readonly (readonly unknown[])[], at: number): void {
    const hook = findHook(settings.itemHook)
    if (hook === undefined) return
    const row = rows[at] as readonly unknown[]
    const data = (makers[row[0] as number] as (row: readonly unknown[]) => object)(row)
    hook(data)
    if (settings.marks) tell(at, data as Record<string, unknown>)
  }

  /** Marks and tags stay with the entry for those who query it. Without tags they are null. */
  function tell(at: number, { passed, failed, tags: given }: Record<string, unknown>): void {
    const tags = given === null ? undefined : given
    if (passed !== true && failed !== true && tags === undefined) return
    const marks = stringify({
      passed: passed === true || undefined,
      failed: failed === true || undefined,
      tags,
    })
    if (marks === undefined || marks.length > settings.longestMarks)
      throw new RE(`data.tags must have ${settings.longestMarks} characters of JSON at most`)
    ask(() => host.mark(at, marks))
  }

  return {
    start(run: Task, vars: readonly string[]): string {
      try {
        const values = new A(vars.length)
        for (let at = 0; at < vars.length; at++) values[at] = G[vars[at] as string]
        hookOf = apply(run, view, [thisOf, ...values]) as typeof hookOf
        return ''
      } catch (thrown) {
        return failureOf(thrown)
      } finally {
        isLoading = false
      }
    },
    probe(dissector, text, from) {
      try {
        const answer = apply((readers[dissector] as Reader).probe, undefined, [bytesOf(text), from])
        if (answer === undefined || answer === null) return 'unsure'
        if (answer === true) return 'match'
        return answer ? `it must return true, false or nothing, and returned ${show(answer)}` : 'reject'
      } catch (thrown) {
        return failureOf(thrown)
      }
    },
    parse(dissector, session, text, from) {
      try {
        sessions[session] ??= {}
        const values = [bytesOf(text), from, sessions[session]]
        const answer = stringify(apply((readers[dissector] as Reader).parse, undefined, values))
        if (answer === undefined) return ''
        if (answer.length > settings.longestAnswer)
          throw new RE(
            `parse returned ${answer.length} characters of JSON, more than ${settings.longestAnswer}`,
          )
        return answer
      } catch (thrown) {
        return `!${failureOf(thrown)}`
      }
    },
    endSession(session) {
      delete sessions[session]
    },
    hasGlobal: (name) => hasOwn(G, name),
    has: (hook) => findHook(hook) !== undefined,
    setMakers(source) {
      makers = madeBy(source)
    },
    items(rows, from, to, position) {
      let at = from
      for (; at < to && at < (position[4] as number); at++) {
        position[0] = at
        try {
          itemAt(rows, at)
          position[2] = 0
          position[6] = 1
        } catch (thrown) {
          position[2] = (position[2] as number) + 1
          if (failed(settings.itemHook, thrown)) return true
        }
        if ((at & 7) === 7) ask(host.progress)
      }
      position[0] = at
      return false
    },
    packets(makePacket, from, to, position) {
      const hook = findHook(settings.packetHook)
      let at = from
      for (; at < to && at < (position[5] as number); at++) {
        position[1] = at
        try {
          if (hook !== undefined) hook(makePacket(at))
          position[3] = 0
        } catch (thrown) {
          position[3] = (position[3] as number) + 1
          if (failed(settings.packetHook, thrown)) return true
        }
        if ((at & 63) === 63) ask(host.progress)
      }
      position[1] = at
      return false
    },
    // By index: the script may have replaced what iterates, and these arrays are the host's.
    packetMaker: (build, columns) =>
      build(timestamp, shape, columns[0], columns[1], columns[2], columns[3], columns[4], columns[5]),
    task(id, once) {
      const task = tasks[id]
      if (task === undefined) return ''
      if (once) delete tasks[id]
      try {
        apply(task.run, undefined, task.args)
        return ''
      } catch (thrown) {
        return failureOf(thrown)
      }
    },
    forget(id) {
      delete tasks[id]
    },
    /** Calls another hook with arguments given as JSON text; answers its outcome, or undefined when it failed. */
    call(hook, texts) {
      const run = findHook(hook)
      if (run === undefined) return
      const values = new A(texts.length)
      try {
        for (let at = 0; at < texts.length; at++) {
          const text = texts[at]
          const isPod = hook === settings.podHook && at === 1
          values[at] = text === undefined ? undefined : isPod ? podOf(text) : parse(text)
        }
        apply(run, undefined, values)
      } catch (thrown) {
        failed(hook, thrown)
      }
    },
    setQueryMakers(source) {
      queryMakers = madeBy(source)
    },
    /** onItemQueried: the entry as JSON text, `unchanged`, `hidden`, or `half` changed when it failed. */
    query(row, text, filter) {
      const run = findHook(settings.queryHook)
      if (run === undefined) return 'unchanged'
      let data: unknown
      let before = ''
      try {
        data = (queryMakers[row[0] as number] as (row: readonly unknown[]) => object)(row)
        overlay(data as Record<string, unknown>, parse(text) as Record<string, unknown>)
        const texts = settings.bytes ? bodiesToBytes(data) : undefined
        before = stringify(data)
        const answer = run(data, filter)
        if (answer === null || answer === false) return 'hidden'
        const shown = typeof answer === 'object' && !isArray(answer) ? answer : data
        let after = stringify(shown)
        if (after === before) return 'unchanged'
        if (texts !== undefined) {
          bodiesToText(shown, texts)
          after = stringify(shown)
        }
        refuseNoEntry(after, text.length)
        return after
      } catch (thrown) {
        failed(settings.queryHook, thrown)
        return before === '' || unchanged(data, before) ? 'unchanged' : 'half'
      }
    },
  }

  function bodyOf(data: unknown, side: 'request' | 'response'): { text?: unknown } | undefined {
    const message = (data as { request?: unknown; response?: unknown })[side]
    if (typeof message !== 'object' || message === null) return undefined
    const { postData, content } = message as { postData?: unknown; content?: unknown }
    const body = side === 'request' ? postData : content
    return typeof body === 'object' && body !== null ? body : undefined
  }

  /** For scripts that take bodies for arrays of numbers. Answers what they were, as text. */
  function bodiesToBytes(data: unknown): readonly unknown[] {
    const bodies = [bodyOf(data, 'request'), bodyOf(data, 'response')]
    const texts: unknown[] = []
    for (let at = 0; at < 2; at++) {
      const body = bodies[at]
      texts[at] = body?.text
      if (body !== undefined) body.text = bytes(body.text)
    }
    return texts
  }

  /** Arrays are shown as text again: those that are as they were as what they stood for. */
  function bodiesToText(data: unknown, texts: readonly unknown[]): void {
    const bodies = [bodyOf(data, 'request'), bodyOf(data, 'response')]
    for (let at = 0; at < 2; at++) {
      const body = bodies[at]
      const codes = body?.text
      if (body === undefined || !isArray(codes)) continue
      const same = stringify(bytes(texts[at])) === stringify(codes)
      let text = ''
      if (!same)
        for (let index = 0; index < codes.length; index++)
          text += apply(fromCharCode, S, [(codes[index] as number) & 0xff])
      body.text = same ? texts[at] : text
    }
  }

  /** What is shown must be an object, whatever `toJSON` made of it, and cross to the outside in one piece. */
  function refuseNoEntry(text: string | undefined, lengthBefore: number): void {
    if (text === undefined || text[0] !== '{') throw new TE('what onItemQueried returns must be an entry')
    if (text.length > lengthBefore + settings.longestCall)
      throw new RE(`the entry has grown to ${text.length} characters of JSON`)
  }

  function unchanged(data: unknown, before: string): boolean {
    try {
      return stringify(data) === before
    } catch {
      return false
    }
  }

  /** Brings an entry to where the agents before have left it; objects stay what they are, with their aliases. */
  function overlay(data: Record<string, unknown>, now: Record<string, unknown>): void {
    for (const key of keysOf(data)) if (!hasOwn(now, key)) delete data[key]
    for (const key of keysOf(now)) {
      const from = now[key]
      const to = hasOwn(data, key) ? data[key] : undefined
      const bothObjects = typeof from === 'object' && from !== null && typeof to === 'object' && to !== null
      if (bothObjects && !isArray(from))
        overlay(to as Record<string, unknown>, from as Record<string, unknown>)
      else if (!isArray(from) || stringify(from) !== stringify(to)) setOwn(data, key, from)
    }
  }
}

type Task = (...args: unknown[]) => unknown

/** The functions of a dissector. */
interface Reader {
  readonly probe: Task
  readonly parse: Task
}

/** Of `wrapper.kflPcapS3`: what is put aside for one filter. */
interface PcapSet {
  readonly streams: { [stream: string]: true | undefined }
  count: number
  /** Streams that did not fit. */
  leftOut: number
  /** When it is due. */
  timer: number
  /** It could not be sent: nothing but the timer tries again. */
  isLate: boolean
  options: PcapOptions
}

interface PcapOptions {
  readonly kflArr: readonly unknown[]
  readonly maxMinutes?: unknown
  readonly maxL4Streams?: unknown
  readonly active?: unknown
  readonly verbose?: unknown
}

/** A function that the host has a number for, and what it is called with. */
interface Kept {
  readonly run: Task
  readonly args: unknown[]
  readonly isTimer: boolean
}

/** What the host lends to `bootstrap`: primitives in, primitives out. */
export interface BootstrapHost {
  print(level: number, line: string): undefined
  /** `place`: where the call stands when nobody looks at its answer, see `ignored-results.ts`; 0 otherwise. */
  call(path: string, args: string, place: number): string
  now(): number
  schedule(tag: string, cron: string, limit: number, isCluster: boolean, task: number): number
  jobs(what: string, tag: string): string
  timer(task: number, ms: number, repeat: boolean): undefined
  clearTimer(task: number): undefined
  hubAction(action: string, object: string | undefined): undefined
  mark(item: number, marks: string): void
  count(name: string, by: number): void
  countKey(name: string, key: string, by: number): void
  countUnique(name: string, value: string): void
  measure(name: string, value: number): void
  /** See `PendingExports`. */
  exported(
    path: string,
    how: string,
    name: string,
    help: string,
    value: number,
    labels: string,
    mode: string,
    buckets: string,
  ): string
  match(query: string, entry: string): boolean
  validate(query: string): boolean
  /** Notes a dissector of the script, given as JSON; answers its number. Throws when it is none. */
  dissector(settings: string): number
  /** A hook threw; true when the agent is to be stopped. */
  failed(hook: number, message: string, stack: string): boolean
  progress(): void
  sharedHas(key: PropertyKey): boolean
  sharedGet(key: PropertyKey): unknown
  sharedSet(key: PropertyKey, value: unknown): void
  sharedDelete(key: PropertyKey): void
  sharedKeys(): string
}

export interface BootstrapSettings {
  readonly nodeName: string
  readonly env: string
  readonly virtualTime: boolean
  readonly sharesThis: boolean
  /** What V8 calls a `this` that goes through `thisOf`. */
  readonly thisInMessages: string
  readonly bytes: boolean
  readonly removed: readonly string[]
  readonly isES5: boolean
  readonly stubs: readonly HelperStub[]
  /** Name of the member of a helper for calls whose answer nobody looks at. */
  readonly ignored: string
  readonly itemHook: number
  readonly packetHook: number
  readonly queryHook: number
  /** Its second argument is a pod. */
  readonly podHook: number
  /** Marks on entries are wanted. */
  readonly marks: boolean
  readonly longestValue: number
  readonly longestLine: number
  /** Characters of JSON that go to a helper outside, or that an entry may grow by, and that marks may have. */
  readonly longestCall: number
  readonly longestMarks: number
  /** Characters of JSON that `parse` of a dissector may answer with. */
  readonly longestAnswer: number
  readonly longestArray: number
  readonly longestText: number
  /** Of a text whose characters are asked for as properties. */
  readonly mostCharacters: number
  readonly mostLocales: number
  /** Characters of a text that is searched, cut or encoded, and of one that is normalized. */
  readonly longestWork: number
  readonly longestNormal: number
  /** Characters of a text times those of what is looked for in it. */
  readonly mostComparisons: number
}

/** What the host holds of an agent's realm. */
export interface Realm {
  /** Runs the compiled script. `vars`: its variables that begin as the globals of the same name. */
  start(run: unknown, vars: readonly string[]): string
  /** Before the script has run. */
  hasGlobal(name: string): boolean
  has(hook: number): boolean
  /** `match`, `reject`, `unsure`, or what went wrong. */
  probe(dissector: number, text: string, from: string): string
  /** What the script answers as JSON, "" when that is nothing; `!` before what went wrong. */
  parse(dissector: number, session: number, text: string, from: string): string
  endSession(session: number): void
  setMakers(source: MakerSource): void
  /** Both go on to `to`, or where the position says that it ends; true when the agent was stopped in an event. */
  items(rows: readonly (readonly unknown[])[], from: number, to: number, position: Int32Array): boolean
  packets(makePacket: (at: number) => object, from: number, to: number, position: Int32Array): boolean
  packetMaker(
    build: (...values: unknown[]) => (at: number) => object,
    columns: readonly unknown[],
  ): (at: number) => object
  task(id: number, once: boolean): string
  forget(id: number): void
  call(hook: number, texts: readonly (string | undefined)[]): void
  setQueryMakers(source: MakerSource): void
  query(row: readonly unknown[], text: string, filter: string): string
}

export type MakerSource = (
  clone: (value: unknown) => unknown,
  headers: (value: unknown) => unknown,
  shape: (names: readonly string[], aliases: readonly string[]) => object,
  legacy: (prototype: object) => object,
  bytes: (text: unknown) => unknown,
  kubernetes: (value: unknown, isPod: boolean) => unknown,
) => readonly ((row: readonly unknown[]) => object)[]
