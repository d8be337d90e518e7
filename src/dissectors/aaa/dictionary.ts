/** What an attribute of RADIUS, or an AVP of Diameter, is called and how its value is read. */
export interface Definition<Type extends string> {
  readonly name: string
  readonly type: Type
  /** Names of values. */
  readonly values: ReadonlyMap<number, string> | undefined
}

/**
 * Definitions by table and number. A table is text, a line for each: `6 Service-Type integer 1=Login;2=Framed`. It is read
 * when something of it is first looked up.
 */
export class Dictionary<Type extends string> {
  readonly #sources: Readonly<Record<string, string>>
  readonly #tables = new Map<string | number, ReadonlyMap<string, Definition<Type>>>()

  constructor(sources: Readonly<Record<string, string>>) {
    this.#sources = sources
  }

  /** `number` may have several parts: `241.5`. */
  find(table: string | number, number: string): Definition<Type> | undefined {
    return this.#table(table)?.get(number)
  }

  #table(name: string | number): ReadonlyMap<string, Definition<Type>> | undefined {
    const known = this.#tables.get(name)
    if (known !== undefined) return known
    const source = Object.hasOwn(this.#sources, name) ? this.#sources[name] : undefined
    if (source === undefined) return undefined
    const table = new Map(
      source
        .trim()
        .split('\n')
        .map(readLine<Type>),
    )
    this.#tables.set(name, table)
    return table
  }
}

/** `2011=Huawei;9=Cisco` */
export function namesIn(list: string): Map<number, string> {
  return new Map(
    list.split(';').map((each) => {
      const at = each.indexOf('=')
      return [Number(each.slice(0, at)), each.slice(at + 1)]
    }),
  )
}

function readLine<Type extends string>(line: string): [string, Definition<Type>] {
  const [, number = '', name = '', type, values] = LINE.exec(line) ?? []
  return [number, { name, type: type as Type, values: values === undefined ? undefined : namesIn(values) }]
}

const LINE = /^(\S+) (\S+) (\S+)(?: (.+))?$/
