/** What a protocol is called and how it is drawn: `data.protocol` of an entry. */
export interface Protocol {
  /** Family: `http`, `dns`. Filters and agents test it. */
  readonly name: string
  readonly version: string
  /** Badge: `HTTP`, `DNS`. */
  readonly abbr: string
  readonly longName: string
  /** Word for it in filters. */
  readonly macro: string
  readonly backgroundColor: string
  readonly foregroundColor: string
  readonly fontSize: number
  readonly referenceLink: string
  readonly ports: readonly string[]
  readonly layer4: string
  readonly layer3: string
  readonly priority: number
}
