import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from '../../config/index.ts'
import { bytesOf } from '../../config/quantities.ts'
import { Captures, type CapturesOptions } from '../../hub/captures.ts'
import { MISTAKES, Mistake, type MistakeCode } from '../../mistake/mistake.ts'
import type { Note } from '../../node/note.ts'
import { openEntryReader } from '../../store/entries/index.ts'
import type { ApiFailure } from '../../wire/api.ts'
import { type ReadCaptureNews, type ReadCaptureOrder, readCaptureNews } from '../../wire/captures.ts'
import { openFinishedSpool } from '../../worker/spool/index.ts'

/** Captures of a hub, with a process of its own for each one that is read. */
export function openCaptures(config: Config, note: Note): Promise<Captures> {
  const { captures } = config.hub
  return Captures.open({
    folder: join(resolve(config.hub.state), 'captures'),
    limits: {
      mostBytes: bytesOf(captures.mostBytes),
      storageBytes: bytesOf(captures.storageSize),
      mostCaptures: captures.most,
    },
    read: ({ file, entries, packets, mostBytes }, tell, signal) =>
      readInProcess(
        { file, entries, packets, mostBytes, worker: 'capture', tap: { ...config.tap } },
        tell,
        signal,
      ),
    openEntries: (folder) => openEntryReader({ folder, prefer: 'kfl2', macros: config.tap.customMacros }),
    openPackets: openFinishedSpool,
    now: () => new Date(),
    note: (text, fields) => note('warning', text, { ...fields }),
  })
}

/** Whatever the capture does to it, this process is ours to end: it may not start others, and writes nowhere else. */
async function readInProcess(
  order: ReadCaptureOrder,
  tell: Parameters<CapturesOptions['read']>[1],
  signal: AbortSignal,
): ReturnType<CapturesOptions['read']> {
  const writable = [dirname(order.file)].map((folder) => `--allow-fs-write=${folder}`)
  const child = spawn(
    process.execPath,
    ['--permission', '--allow-fs-read=*', ...writable, '--allow-worker', ...LIMITS, READER],
    { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], signal, killSignal: 'SIGKILL' },
  )
  let last: ReadCaptureNews | undefined
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-LONGEST_STDERR)
  })
  const stall = setTimeout(() => child.kill('SIGKILL'), STALLED_MS)
  child.on('message', (message) => {
    stall.refresh()
    const news = readCaptureNews.safeParse(message).data
    if (news?.kind === 'progress') tell(news.part, news.counts)
    else if (news !== undefined) last = news
  })
  child.send(order)
  try {
    const [code, killedBy] = await once(child, 'close', { signal })
    if (last?.kind === 'done') return last
    if (last?.kind === 'mistake') throw mistakeOf(last.failure)
    throw new Mistake(
      'E_CAPTURE_FORMAT',
      `the program that reads it has ended: ${killedBy ?? `code ${code}`}`,
      {
        hint: stderr.trim().split('\n').at(-1) || 'It took too much memory, or too long.',
      },
    )
  } finally {
    clearTimeout(stall)
  }
}

function mistakeOf({ code, message, hint }: ApiFailure): Mistake {
  const known = Object.keys(MISTAKES).find((each): each is MistakeCode => each === code)
  return new Mistake(known ?? 'E_CAPTURE_FORMAT', message, hint === undefined ? {} : { hint })
}

const READER = fileURLToPath(new URL('../../worker/capture-reader.cjs', import.meta.url))
const LIMITS = ['--max-old-space-size=768']
/** A reader that says nothing for so long makes no progress any more. */
const STALLED_MS = 60_000
const LONGEST_STDERR = 4000
