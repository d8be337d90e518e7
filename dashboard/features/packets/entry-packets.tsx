import { Button, Group, Text } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { type KeyboardEvent, useState } from 'react'
import type { PacketList, PacketRow } from '../../../src/wire/packets.ts'
import { EmptyState, ErrorState, LoadingState } from '../../components/states.tsx'
import { ApiError, api, download } from '../../lib/api.ts'
import { formatBytes, formatNumber } from '../../lib/format.ts'
import { useMay } from '../../lib/session.ts'
import { type EntryAsked, fileNameOf, pathOf } from './entry-files.ts'
import { byteLines, bytesIn } from './packet-bytes.ts'
import classes from './packets.module.css'

/** The packets of the connection of an entry, and the bytes of the one that is chosen. */
export function EntryPackets({ asked }: { readonly asked: EntryAsked }) {
  const may = useMay('operator')
  const path = pathOf(asked, 'packets')
  if (!may)
    return (
      <EmptyState title="Packets are for operators">
        They have what agents hide of entries, so they take the role operator.
      </EmptyState>
    )
  if (path === undefined)
    return <EmptyState title="No packets">The entry does not say which packets are its own.</EmptyState>
  return <Packets key={asked.id} asked={asked} path={path} />
}

function Packets({ asked, path }: { readonly asked: EntryAsked; readonly path: string }) {
  const [from, setFrom] = useState<number>()
  const [chosen, setChosen] = useState<number>()
  const { data, error, refetch } = useQuery({
    queryKey: ['packets', asked.id, asked.source, from],
    queryFn: ({ signal }) =>
      api.get<PacketList>(path, { query: { source: asked.source, from, limit: PAGE }, signal }),
    placeholderData: keepPreviousData,
    retry: false,
  })
  if (error !== null) return <NoPackets error={error} onRetry={() => void refetch()} />
  if (data === undefined) return <LoadingState what="the packets" />
  const shown = chosen ?? Math.min(data.begin, data.packets.at(-1)?.number ?? 0)
  const packet = data.packets.find(({ number }) => number === shown) ?? data.packets[0]
  return (
    <div className={classes.packets}>
      <Head asked={asked} list={data} onFrom={setFrom} />
      <Table list={data} chosen={packet?.number} onChoose={setChosen} />
      {packet !== undefined && <Bytes asked={asked} path={path} packet={packet} />}
    </div>
  )
}

/** What is gone is no failure. */
function NoPackets({ error, onRetry }: { readonly error: Error; readonly onRetry: () => void }) {
  if (!(error instanceof ApiError) || error.code !== 'E_NOT_FOUND')
    return <ErrorState title="The packets cannot be shown" error={error} onRetry={onRetry} />
  return (
    <EmptyState title="There are no packets of this entry">
      {error.message}. {error.hint}
    </EmptyState>
  )
}

interface HeadProps {
  readonly asked: EntryAsked
  readonly list: PacketList
  readonly onFrom: (from: number) => void
}

function Head({ asked, list: { total, bytes, isComplete, packets, next }, onFrom }: HeadProps) {
  const first = packets[0]?.number ?? 0
  const path = pathOf(asked, 'pcap')
  return (
    <Group className={classes.head ?? ''} gap="sm" wrap="nowrap">
      <Text size="xs" className="numbers">
        {formatNumber(total)} {total === 1 ? 'packet' : 'packets'} of the connection, {formatBytes(bytes)}
      </Text>
      {!isComplete && (
        <Text size="xs" c="var(--warn)">
          The first ones are gone for newer ones
        </Text>
      )}
      <span className={classes.gap} />
      {packets.length < total && (
        <Group gap={4} wrap="nowrap">
          <Button
            size="compact-xs"
            variant="default"
            disabled={first === 0}
            onClick={() => onFrom(Math.max(0, first - PAGE))}
          >
            Earlier
          </Button>
          <Button
            size="compact-xs"
            variant="default"
            disabled={next === null}
            onClick={() => next !== null && onFrom(next)}
          >
            Later
          </Button>
        </Group>
      )}
      {path !== undefined && (
        <Button
          size="compact-xs"
          variant="default"
          leftSection={<IconDownload size={13} aria-hidden />}
          onClick={() => void download(path, fileNameOf(asked, 'pcap'), { source: asked.source })}
        >
          Download pcap
        </Button>
      )}
    </Group>
  )
}

interface TableProps {
  readonly list: PacketList
  readonly chosen: number | undefined
  readonly onChoose: (number: number) => void
}

/** Up and Down choose the packet whose bytes are shown. */
function Table({ list: { packets, begin }, chosen, onChoose }: TableProps) {
  const start = packets[0]?.timestamp ?? 0
  const [client] = packets
  const move = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    const at = packets.findIndex(({ number }) => number === chosen) + step
    const to = packets[at]
    if (step === 0 || to === undefined) return
    event.preventDefault()
    onChoose(to.number)
    event.currentTarget.querySelectorAll('tbody tr')[at]?.scrollIntoView({ block: 'nearest' })
  }
  return (
    <div className={classes.table}>
      <table>
        <thead>
          <tr>
            {['No.', 'Time', 'Source', 'Destination', 'Kind', 'Flags', 'Length', 'Payload'].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody onKeyDown={move}>
          {packets.map((packet) => (
            <Row
              key={packet.number}
              packet={packet}
              start={start}
              isChosen={packet.number === chosen}
              isBefore={packet.number < begin}
              isFirstEnd={packet.source.ip === client?.source.ip && packet.source.port === client.source.port}
              onChoose={onChoose}
            />
          ))}
        </tbody>
      </table>
    </div>
  )
}

interface RowProps {
  readonly packet: PacketRow
  readonly start: number
  readonly isChosen: boolean
  /** It was there before the entry began. */
  readonly isBefore: boolean
  readonly isFirstEnd: boolean
  readonly onChoose: (number: number) => void
}

function Row({ packet, start, isChosen, isBefore, isFirstEnd, onChoose }: RowProps) {
  const { number, time, timestamp, transport, flags, length, captured, payloadLength } = packet
  return (
    <tr
      data-chosen={isChosen || undefined}
      data-before={isBefore || undefined}
      data-end={isFirstEnd ? 'first' : 'other'}
      onClick={() => onChoose(number)}
    >
      <td className={classes.number}>
        <button type="button" aria-pressed={isChosen} aria-label={`Packet ${number + 1}`}>
          {number + 1}
        </button>
      </td>
      <td className={classes.number} title={time}>
        {((timestamp - start) / 1000).toFixed(6)}
      </td>
      <td>{endText(packet.source)}</td>
      <td>{endText(packet.destination)}</td>
      <td>{transport}</td>
      <td>{flags.join(' ')}</td>
      <td
        className={classes.number}
        title={captured < length ? `${captured} bytes were captured` : undefined}
      >
        {captured < length ? `${captured}/${length}` : length}
      </td>
      <td className={classes.number}>{payloadLength}</td>
    </tr>
  )
}

function endText({ ip, port }: PacketRow['source']): string {
  if (port === null) return ip
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

interface BytesProps {
  readonly asked: EntryAsked
  readonly path: string
  readonly packet: PacketRow
}

function Bytes({ asked, path, packet: { number } }: BytesProps) {
  const { data, error } = useQuery({
    queryKey: ['packet', asked.id, asked.source, number],
    queryFn: ({ signal }) =>
      api.get<PacketList>(path, {
        query: { source: asked.source, from: number, limit: 1, bytes: MOST_BYTES },
        signal,
      }),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  })
  if (error !== null) return <ErrorState title="The packet cannot be shown" error={error} />
  const packet = data?.packets[0]
  if (packet === undefined) return null
  const bytes = bytesIn(packet.bytes)
  const lines = byteLines(bytes, packet.payloadStart).slice(0, MOST_LINES)
  return (
    <section className={classes.bytes} aria-label={`Bytes of packet ${packet.number + 1}`} tabIndex={-1}>
      <p className={classes.caption}>
        Packet {packet.number + 1}: {packet.time}
        {packet.seq !== undefined && `, seq ${packet.seq}, ack ${packet.ack}, window ${packet.window}`}
        {packet.interface !== '' && `, on ${packet.interface}`}
        {lines.length * 16 < bytes.length && `; the first ${formatBytes(lines.length * 16)} are shown`}
      </p>
      <pre>
        {lines.map(({ offset, hex, text }) => (
          <div key={offset} className={classes.line}>
            <span className={classes.offset}>{offset}</span>
            <span className={classes.hex}>
              <span className={classes.header}>{hex[0]}</span>
              {hex[0] !== '' && hex[1] !== '' && ' '}
              {hex[1]}
            </span>
            <span>
              <span className={classes.header}>{text[0]}</span>
              {text[1]}
            </span>
          </div>
        ))}
      </pre>
    </section>
  )
}

const PAGE = 200
const MOST_BYTES = 65_536
/** More lines are for other tools. */
const MOST_LINES = 512
