/** What is known while a payload is read, and how much of it is still shown: that goes down. */
export interface Reading {
  structs: number
  records: number
  /** Of records, after decompression. */
  bytes: number
  readonly names: TopicNames
}

/** Names of topics by their ids, as far as replies on this connection have told them. */
export type TopicNames = ReadonlyMap<string, string>
