import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type RecordedNames, recordedNames, recordingPart } from '../../wire/recordings.ts'

/** What a worker has to remember of a recording, beside the data itself. */
const remembered = recordingPart.omit({ node: true }).extend({
  /** The day that was recorded last, by when it began; 0: none. */
  since: z.number(),
})

export type Remembered = z.infer<typeof remembered>

/** The folder of a recording: what it remembers, entries, packets and names. */
export class RecordingFolder {
  readonly path: string
  readonly entries: string
  readonly packets: string

  constructor(path: string) {
    this.path = path
    this.entries = join(path, 'entries')
    this.packets = join(path, 'packets')
  }

  /** Undefined when there is nothing, or nothing that makes sense. */
  read(): Remembered | undefined {
    return remembered.safeParse(jsonIn(join(this.path, 'recording.json'))).data
  }

  async write(state: Remembered): Promise<void> {
    await mkdir(this.path, { recursive: true })
    replace(join(this.path, 'recording.json'), state)
  }

  names(): RecordedNames {
    return recordedNames.safeParse(jsonIn(this.#names)).data ?? {}
  }

  /** Adds to those that are there. */
  addNames(names: RecordedNames): void {
    replace(this.#names, { ...this.names(), ...names })
  }

  async removeData(): Promise<void> {
    for (const path of [this.entries, this.packets, this.#names]) await remove(path)
  }

  async remove(): Promise<void> {
    await remove(this.path)
  }

  get #names(): string {
    return join(this.path, 'names.json')
  }
}

function jsonIn(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** All of it or nothing, whatever happens meanwhile. */
function replace(path: string, value: unknown): void {
  const made = `${path}.tmp`
  try {
    writeFileSync(made, JSON.stringify(value))
    renameSync(made, path)
  } catch (error) {
    rmSync(made, { force: true })
    throw error
  }
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true })
}
