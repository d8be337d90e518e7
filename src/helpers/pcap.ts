import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import type { MeantPod } from '../cluster/recent-pods.ts'
import { Mistake } from '../mistake/mistake.ts'
import { WORKERS_ONLY } from '../mistake/workers-only.ts'
import { addFile, look, makeFolder, replaceFile, weighAlone } from './data-folder.ts'
import { type HelperHost, helper, namespace, typed } from './helper.ts'

/** Seconds. */
const LONGEST_HISTORY = 600

export const pcap = namespace('pcap', 'Packets of the streams that were seen lately, on workers.', {
  nameResolutionHistory: helper({
    doc: 'Which names addresses had, and since when: UNIX seconds of each change → address or address:port → name.',
    params: {},
    returns: z.record(
      z.string(),
      z.record(z.string(), z.object({ FullAddress: z.string(), Namespace: z.string() })),
    ),
    example: `file.write('name_resolution_history.json', JSON.stringify(pcap.nameResolutionHistory()))`,
    async run(_, host) {
      refuseOnHub(host)
      return await host.packets.nameHistory()
    },
  }),

  snapshot: helper({
    effect: 'file',
    doc: 'Merges the packets of streams into one capture in the data folder, sorted by time, and returns its name, `<UNIX seconds>.pcap`. Streams that have expired are left out.',
    params: {
      selectedPcaps: z
        .union([z.array(z.string()), z.string()])
        .optional()
        .describe('Streams such as `data.stream`; all when empty. A text is taken as `pcapsDir`.'),
      pcapsDir: z
        .string()
        .optional()
        .describe('Folder with captures to take instead of those that are kept anyway'),
    },
    returns: z.string(),
    writes: () => ['0.pcap'],
    example: `var capture = pcap.snapshot()\nfile.move(capture, file.mkdirTemp('snapshot'))`,
    async run({ selectedPcaps, pcapsDir }, host) {
      refuseOnHub(host)
      if (typeof selectedPcaps === 'string') return await snapshotOfFolder(selectedPcaps, [], host)
      if (pcapsDir !== undefined && pcapsDir !== '')
        return await snapshotOfFolder(pcapsDir, selectedPcaps ?? [], host)
      if (selectedPcaps?.length === 0) tellThatEmptyMeansAll(host)
      return await snapshotOfStreams(selectedPcaps ?? [], host)
    },
  }),

  history: helper({
    effect: 'file',
    doc: 'Writes the packets that a pod has sent and received lately into a capture in the data folder, sorted by time, and returns its name, `<UNIX seconds>.pcap`. Of a pod that is gone, it is the time before it went. null, with a warning that says why, when there is none; throws for pods that are not known, and where packets are not kept.',
    params: {
      pod: typed('string | Pod').describe('Its name, `namespace/name`, or what onPodEvent was given'),
      seconds: z
        .number()
        .min(1)
        .max(LONGEST_HISTORY)
        .default(30)
        .describe(`How far back; ${LONGEST_HISTORY} at most`),
    },
    returns: z.string().nullable(),
    writes: () => ['0.pcap'],
    example: `function onPodEvent(event, pod, meta, reason) {\n  if (reason && reason.reason === 'crash') console.log(pcap.history(pod, 30))\n}`,
    async run({ pod, seconds }, host) {
      refuseOnHub(host)
      return await writeHistory(meantPod(pod), seconds, host)
    },
  }),

  path: helper({
    effect: 'file',
    doc: 'Path of the capture of a stream, for `file.copy`. When nothing is kept of the stream there is no such file.',
    params: { stream: z.string().optional().describe('`data.stream`') },
    returns: z.string(),
    example: `function onItemCaptured(data) {\n  if (data.failed) file.copy(pcap.path(data.stream), data.stream)\n}`,
    async run({ stream }, host) {
      refuseOnHub(host)
      const name = stream !== undefined && STREAM.test(stream) ? stream : 'unknown-stream.pcap'
      const target = host.files.resolve(join('pcaps', name))
      if (name === stream) await keepStream(stream, target, host)
      return target
    },
  }),
})

/** Twelve digits, and what kind of stream it is where that is not plain TCP. */
export const STREAM = /^\d{12}(_[a-z]+)?\.pcap$/

export function refuseOnHub(host: HelperHost): void {
  if (host.component === 'hub') throw new Mistake('E_HELPER_REFUSED', WORKERS_ONLY)
}

async function writeHistory(pod: MeantPod, seconds: number, host: HelperHost): Promise<string | null> {
  const nothing = new Error('there is nothing to write')
  try {
    return await addFile(
      host.files,
      String(Math.floor(host.now() / 1000)),
      '.pcap',
      async (target, claim) => {
        const now = host.now()
        const { packets, complaint } = await host.podPackets.write(pod, seconds, now, target, claim)
        if (complaint !== '') host.warn(`pcap.history: ${complaint}`)
        if (packets === 0) throw nothing
      },
    )
  } catch (error) {
    if (error === nothing) return null
    throw error
  }
}

function meantPod(pod: unknown): MeantPod {
  const named = typeof pod === 'string' ? NAMED.exec(pod)?.groups : undefined
  if (named?.name !== undefined) return { name: named.name, namespace: named.namespace }
  const told = podObject.safeParse(pod)
  if (told.success) return told.data.metadata
  throw new Mistake('E_HELPER_ARGUMENT', 'pcap.history: pod must be a name, `namespace/name`, or a pod', {
    hint: 'Give it what onPodEvent was given, or a text such as "shop/cart-7d4b9".',
  })
}

/** As Kubernetes takes names: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ */
const NAMED = /^(?:(?<namespace>[a-z\d][a-z\d.-]*)\/)?(?<name>[a-z\d][a-z\d.-]*)$/
const podObject = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string().optional(), uid: z.string().optional() }),
})

/** Once for each script: one that found nothing to select may not want everything. */
function tellThatEmptyMeansAll(host: HelperHost): void {
  if (told.has(host.agent)) return
  told.add(host.agent)
  host.warn('pcap.snapshot: an empty list means all streams')
}

const told = new WeakSet<HelperHost['agent']>()

async function snapshotOfStreams(selected: readonly string[], host: HelperHost): Promise<string> {
  const kept = await host.packets.streams()
  const wanted = new Set(selected.map((name) => basename(name)))
  const chosen = wanted.size === 0 ? kept : kept.filter((name) => wanted.has(name))
  return await addSnapshot(host, (...target) => host.packets.writeMerged(chosen, ...target))
}

async function snapshotOfFolder(
  folder: string,
  selected: readonly string[],
  host: HelperHost,
): Promise<string> {
  const names = selected.length > 0 ? selected.map((name) => basename(name)) : await capturesIn(folder, host)
  const paths = [...new Set(names)].map((name) => host.files.resolve(join(folder, name)))
  const there: string[] = []
  for (const path of paths) if ((await look(path))?.isFile()) there.push(path)
  return await addSnapshot(host, (...target) => host.packets.writeMergedFiles(there, ...target))
}

async function capturesIn(folder: string, host: HelperHost): Promise<string[]> {
  const names = await readdir(host.files.resolve(folder))
  return names.filter((name) => name.endsWith('.pcap')).sort()
}

async function addSnapshot(host: HelperHost, write: Parameters<typeof addFile>[3]): Promise<string> {
  return await addFile(host.files, String(Math.floor(host.now() / 1000)), '.pcap', write)
}

/**
 * Puts the packets of a stream, as far as they are kept, into a file, in place of what is there; false when nothing is kept.
 * `most`: a file that is larger stays, as the first packets may be gone by now.
 */
export async function keepStream(
  stream: string,
  target: string,
  { files, packets }: Pick<HelperHost, 'files' | 'packets'>,
  keep: 'newest' | 'most' = 'newest',
): Promise<boolean> {
  await makeFolder(files, dirname(target))
  return await files.change(async () => {
    let growth = 0
    let isKept = false
    try {
      await replaceFile(target, async (draft) => {
        if (!(await packets.writeStream(stream, draft))) return false
        isKept = true
        const more = (await weighAlone(draft)) - (await weighAlone(target))
        if (keep === 'most' && more <= 0) return false
        files.reserve(more)
        growth = more
        return true
      })
      return isKept
    } catch (error) {
      files.reserve(-growth)
      throw error
    }
  })
}
