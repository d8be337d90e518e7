import { Button, useComputedColorScheme } from '@mantine/core'
import { IconArrowDown } from '@tabler/icons-react'
import { memo, type ReactNode, useMemo, useState } from 'react'
import { formatNumber, formatTime } from '../lib/format.ts'
import { plainText, readAnsi } from './console/ansi.ts'
import { cssOf, type Scheme, shownColours } from './console/ansi-colours.ts'
import { placeOfLine } from './console/place.ts'
import { CLEARED, type ConsoleRow } from './console/rows.ts'
import type { Match } from './console/search.ts'
import { type Segment, segmentsOf, shortLength, type TextMark } from './console/segments.ts'
import { useFollowing } from './console/use-following.ts'
import classes from './console-lines.module.css'

interface Props {
  readonly rows: readonly ConsoleRow[]
  /** What these lines are, for those who cannot see them. */
  readonly label: string
  /** Leads to where in its code an error arose. */
  readonly onGoToPlace?: ((agent: string, line: number, column: number) => void) | undefined
  readonly hasNumbers?: boolean
  readonly hasTimes?: boolean
  readonly hasAgents?: boolean
  readonly hasNodes?: boolean
  readonly wraps?: boolean
  /** Places that were searched for, and which of them one is at. */
  readonly matches?: readonly Match[]
  readonly current?: number | undefined
  /** Shown when there are no rows. */
  readonly empty?: ReactNode
}

/** What agents print, as it comes: follows the end until somebody looks at something. `onGoToPlace` is best the same each time. */
export function ConsoleLines(props: Props) {
  const { rows, label, matches = NO_MATCHES, current, empty, wraps = true } = props
  const at = current === undefined ? undefined : matches[current]
  const { virtualizer, scroller, follows, unseen, followAgain, handlers } = useFollowing(rows, at?.row)
  const marks = useMemo(() => Map.groupBy(matches, ({ row }) => row), [matches])
  const scheme = useComputedColorScheme('light')
  if (rows.length === 0 && empty !== undefined) return <div className={classes.frame}>{empty}</div>
  return (
    <div className={classes.frame}>
      <section
        ref={scroller}
        className={classes.scroller}
        aria-label={label}
        tabIndex={rows.length === 0 ? -1 : 0}
        data-wraps={wraps}
        data-follows={follows}
        {...handlers}
      >
        <div className={classes.all} style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map(({ index, key, start }) => {
            const row = rows[index]
            if (row === undefined) return null
            return (
              <div
                key={key}
                ref={virtualizer.measureElement}
                data-index={index}
                data-level={row.line.level}
                className={classes.row}
                style={{ transform: `translateY(${start}px)` }}
              >
                <Row
                  {...row}
                  scheme={scheme}
                  matches={marks.get(index) ?? NO_MATCHES}
                  at={at?.row === index ? at : undefined}
                  hasNumbers={props.hasNumbers ?? true}
                  hasTimes={props.hasTimes ?? true}
                  hasAgents={props.hasAgents ?? false}
                  hasNodes={props.hasNodes ?? true}
                  onGoToPlace={props.onGoToPlace}
                />
              </div>
            )
          })}
        </div>
      </section>
      {!follows && (
        <Button
          className={classes.follow ?? ''}
          size="compact-sm"
          radius="xl"
          leftSection={<IconArrowDown size={14} aria-hidden />}
          onClick={followAgain}
        >
          {unseen > 0 ? `Follow (${formatNumber(unseen)} new)` : 'Follow'}
        </Button>
      )}
    </div>
  )
}

interface RowProps extends ConsoleRow {
  readonly scheme: Scheme
  readonly matches: readonly Match[]
  readonly at: Match | undefined
  readonly hasNumbers: boolean
  readonly hasTimes: boolean
  readonly hasAgents: boolean
  readonly hasNodes: boolean
  readonly onGoToPlace: Props['onGoToPlace']
}

/** Of values alone: rows are made anew whenever lines come. */
const Row = memo(function Row({ hasNumbers, hasTimes, hasAgents, hasNodes, ...row }: RowProps) {
  const { line, number, count, lastAt } = row
  const { level, node, title } = line
  return (
    <>
      {hasNumbers && <span className={classes.number}>{number}</span>}
      {hasTimes && <span className={classes.time}>{formatTime(lastAt)}</span>}
      <span className={classes.level} data-level={level}>
        {LABELS[level]}
      </span>
      {hasAgents && (
        <span className={classes.agent} title={title}>
          {title}
        </span>
      )}
      {hasNodes && (
        <span className={classes.node} title={`Printed on ${node}`}>
          {node}
        </span>
      )}
      {level === 'clear' ? <span className={classes.cleared}>{CLEARED}</span> : <LineText {...row} />}
      {count > 1 && (
        <span className={classes.count} title={`${formatNumber(count)} times`}>
          <span aria-hidden>×</span>
          {formatNumber(count)}
        </span>
      )}
    </>
  )
})

type TextProps = Pick<RowProps, 'line' | 'scheme' | 'matches' | 'at' | 'onGoToPlace'>

function LineText({ line, scheme, matches, at, onGoToPlace }: TextProps) {
  const [isOpen, setOpen] = useState(false)
  const plain = useMemo(() => plainText(line.text), [line.text])
  const place = useMemo(() => placeOfLine(line, plain), [line, plain])
  const short = shortLength(plain)
  const isCut = !isOpen && short < plain.length && (at === undefined || at.to <= short)
  const marks = useMemo((): TextMark[] => {
    const found = matches.map((match) => ({ ...match, kind: match === at ? 'current' : 'match' }) as const)
    return place === undefined ? found : [...found, { ...place, kind: 'place' }]
  }, [matches, at, place])
  const segments = useMemo(
    () => segmentsOf(readAnsi(line.text), marks, isCut ? short : plain.length),
    [line.text, marks, isCut, short, plain.length],
  )
  const go =
    place === undefined || onGoToPlace === undefined
      ? undefined
      : () => onGoToPlace(line.agent, place.line, place.column)
  return (
    <span className={classes.text}>
      {segments.map((segment) => (
        <Piece key={segment.from} segment={segment} scheme={scheme} onGo={go} />
      ))}
      {isCut && (
        <button type="button" className={classes.more} onClick={() => setOpen(true)}>
          Show all {formatNumber(plain.length)} characters
        </button>
      )}
    </span>
  )
}

interface PieceProps {
  readonly segment: Segment
  readonly scheme: Scheme
  readonly onGo: (() => void) | undefined
}

function Piece({ segment, scheme, onGo }: PieceProps) {
  const { text, style, marks } = segment
  const { colour, background, dim, inverse } = style
  const shown = shownColours(style, scheme)
  const isPlain = colour === undefined && background === undefined && !inverse && !dim
  const isMatch = marks.includes('match') || marks.includes('current')
  const inner = isMatch ? (
    <mark className={classes.match} data-current={marks.includes('current')}>
      {text}
    </mark>
  ) : (
    text
  )
  return (
    <span
      className={isPlain ? classes.plain : undefined}
      style={{
        ...(shown.text && { color: cssOf(shown.text) }),
        ...(shown.behind && { backgroundColor: cssOf(shown.behind) }),
        ...(style.bold && { fontWeight: 700 }),
        ...(style.italic && { fontStyle: 'italic' }),
        ...((style.underline || style.strike) && {
          textDecoration: `${style.underline ? 'underline' : ''} ${style.strike ? 'line-through' : ''}`,
        }),
      }}
    >
      {marks.includes('place') && onGo !== undefined ? (
        <button type="button" className={classes.place} onClick={onGo} title="Show in the code">
          {inner}
        </button>
      ) : (
        inner
      )}
    </span>
  )
}

const NO_MATCHES: readonly Match[] = []
const LABELS = { log: '', error: 'ERROR', warn: 'WARN', info: 'INFO', debug: 'DEBUG', clear: '' } as const
