import { Anchor, Button, CloseButton, Group, UnstyledButton } from '@mantine/core'
import { IconAlertTriangleFilled, IconFocus2 } from '@tabler/icons-react'
import { Link as RouterLink } from 'react-router'
import { formatBytes, formatCount, formatMicros } from '../../lib/format.ts'
import classes from './map.module.css'
import { formatPace, formatShare } from './numbers.ts'
import type { Link, Service, ServiceGraph, Strand, Totals } from './service-graph.ts'
import { trafficPath } from './traffic-filter.ts'

interface Props {
  readonly graph: ServiceGraph
  readonly chosen: string
  readonly seconds: number
  readonly filter: string
  readonly isFocused: boolean
  readonly onFocus: (isFocused: boolean) => void
  readonly onChoose: (key: string | undefined) => void
}

/** All that is known of the service or the link that is looked at. */
export function MapPanel(props: Props) {
  const { graph, chosen, onChoose, isFocused, onFocus } = props
  const service = graph.services.get(chosen)
  const link = graph.links.get(chosen)
  const title =
    service?.title ?? (link === undefined ? chosen : `${link.source.title} → ${link.destination.title}`)
  return (
    <aside className={classes.panel} aria-label="Details">
      <div className={classes.panelHead}>
        <h2>{title}</h2>
        <CloseButton size="sm" aria-label="Close the details" onClick={() => onChoose(undefined)} />
      </div>
      {service !== undefined && <ServiceDetails {...props} service={service} />}
      {link !== undefined && <LinkDetails {...props} link={link} />}
      {service === undefined && link === undefined && <p>Nothing of it was seen in this time.</p>}
      <Group gap="xs" mt="sm">
        <Button
          size="compact-xs"
          variant={isFocused ? 'filled' : 'default'}
          leftSection={<IconFocus2 size={14} />}
          aria-pressed={isFocused}
          onClick={() => onFocus(!isFocused)}
        >
          Only this and its neighbours
        </Button>
      </Group>
    </aside>
  )
}

function ServiceDetails({
  graph,
  service,
  seconds,
  filter,
  onChoose,
}: Props & { readonly service: Service }) {
  const links = [...graph.links.values()]
  const { ends, namespace } = service
  const addresses = [...new Set(ends.map(({ ip }) => ip))].slice(0, MOST_ADDRESSES)
  return (
    <>
      <div className={classes.times}>
        {namespace !== '' && `Namespace ${namespace} · `}
        {addresses.join(', ')}
        {ends.length > MOST_ADDRESSES && ` and ${ends.length - MOST_ADDRESSES} more`}
      </div>
      <Anchor
        component={RouterLink}
        to={trafficPath(filter, { either: ends })}
        size="sm"
        className={classes.panelLink}
      >
        Show its traffic
      </Anchor>
      <Peers
        title="Asked by"
        links={links.filter(({ destination }) => destination.key === service.key)}
        nameOf={({ source }) => source.title}
        {...{ seconds, onChoose }}
      />
      <Peers
        title="Asks"
        links={links.filter(({ source }) => source.key === service.key)}
        nameOf={({ destination }) => destination.title}
        {...{ seconds, onChoose }}
      />
    </>
  )
}

interface PeersProps {
  readonly title: string
  readonly links: readonly Link[]
  readonly nameOf: (link: Link) => string
  readonly seconds: number
  readonly onChoose: (key: string) => void
}

function Peers({ title, links, nameOf, seconds, onChoose }: PeersProps) {
  if (links.length === 0) return null
  return (
    <>
      <h3>
        {title} ({links.length})
      </h3>
      <table className={classes.panelTable}>
        <NumbersHead first="Service" />
        <tbody>
          {links
            .toSorted((a, b) => b.count - a.count)
            .map((link) => (
              <tr key={link.key}>
                <td>
                  <UnstyledButton
                    className={classes.plainButton}
                    fz="inherit"
                    title={nameOf(link)}
                    onClick={() => onChoose(link.key)}
                  >
                    {nameOf(link)}
                  </UnstyledButton>
                </td>
                <Numbers totals={link} strand={link.strands[0]} seconds={seconds} />
              </tr>
            ))}
        </tbody>
      </table>
    </>
  )
}

function LinkDetails({ link, seconds, filter, onChoose }: Props & { readonly link: Link }) {
  const { source, destination, strands } = link
  const pair = { source: source.ends, destination: destination.ends }
  return (
    <>
      <Group gap="xs">
        {[source, destination].map(({ key, title }, at) => (
          <UnstyledButton
            key={at === 0 ? 'source' : 'destination'}
            className={`${classes.plainButton} ${classes.panelLink}`}
            fz="inherit"
            onClick={() => onChoose(key)}
          >
            {title}
          </UnstyledButton>
        ))}
      </Group>
      <Anchor component={RouterLink} to={trafficPath(filter, pair)} size="sm" className={classes.panelLink}>
        Show its traffic
      </Anchor>
      <h3>By protocol</h3>
      <table className={classes.panelTable}>
        <NumbersHead first="Protocol" />
        <tbody>
          {strands.map((strand) => (
            <tr key={strand.protocol.abbr}>
              <td>
                <Anchor
                  component={RouterLink}
                  to={trafficPath(filter, { ...pair, protocol: strand.protocol.abbr })}
                  size="sm"
                >
                  {strand.protocol.abbr}
                </Anchor>
              </td>
              <Numbers totals={strand} strand={strand} seconds={seconds} />
            </tr>
          ))}
        </tbody>
      </table>
      <h3>Bytes</h3>
      <div className="numbers">
        {formatBytes(link.bytesOut)} there, {formatBytes(link.bytesIn)} back, in {formatCount(link.count)}
      </div>
    </>
  )
}

function NumbersHead({ first }: { readonly first: string }) {
  return (
    <thead>
      <tr>
        {[first, 'Rate', 'Count', 'Errors', 'p50', 'p95'].map((title) => (
          <th key={title} scope="col">
            {title}
          </th>
        ))}
      </tr>
    </thead>
  )
}

interface NumbersProps {
  readonly totals: Totals
  readonly strand: Strand | undefined
  readonly seconds: number
}

function Numbers({ totals, strand, seconds }: NumbersProps) {
  const isTimed = strand !== undefined && strand.timed > 0
  return (
    <>
      <td>{formatPace(totals.count, seconds)}</td>
      <td>{formatCount(totals.count)}</td>
      <td>
        <ErrorShare totals={totals} />
      </td>
      <td>{isTimed ? formatMicros(strand.p50Us) : '–'}</td>
      <td>{isTimed ? formatMicros(strand.p95Us) : '–'}</td>
    </>
  )
}

export function ErrorShare({ totals }: { readonly totals: Totals }) {
  if (totals.errors === 0) return <span>0 %</span>
  return (
    <span className={classes.bad} title={`${totals.errors} of ${totals.count}`}>
      <IconAlertTriangleFilled size={11} aria-hidden /> {formatShare(totals)}
    </span>
  )
}

const MOST_ADDRESSES = 6
