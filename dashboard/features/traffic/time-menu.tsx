import { Button, Popover, Stack, TextInput } from '@mantine/core'
import { IconClock } from '@tabler/icons-react'
import { type FormEvent, useState } from 'react'
import { formatDateTime } from '../../lib/format.ts'
import { type TimeRange, timeIn } from './time-range.ts'
import classes from './traffic.module.css'

interface Props extends TimeRange {
  readonly onRange: (range: TimeRange) => void
}

/** Which part of the traffic is shown: what comes now, what was kept of the last minutes, or of a time. */
export function TimeMenu({ from, to, onRange }: Props) {
  const [isOpen, setOpen] = useState(false)
  const choose = (range: TimeRange) => {
    setOpen(false)
    onRange(range)
  }
  const isNow = from === undefined && to === undefined
  return (
    <Popover opened={isOpen} onChange={setOpen} position="bottom-end" withinPortal trapFocus>
      <Popover.Target>
        <Button
          size="xs"
          variant={isNow ? 'default' : 'light'}
          leftSection={<IconClock size={14} aria-hidden />}
          onClick={() => setOpen(!isOpen)}
        >
          {isNow ? 'Time' : words({ from, to })}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap={6} w={300}>
          <div className={classes.presets}>
            <Button size="compact-xs" variant={isNow ? 'filled' : 'default'} onClick={() => choose(NOW)}>
              Live
            </Button>
            {PRESETS.map(([name, ms]) => (
              <Button
                key={name}
                size="compact-xs"
                variant="default"
                onClick={() => choose({ from: Date.now() - ms, to: undefined })}
              >
                {`Last ${name}`}
              </Button>
            ))}
          </div>
          <Jump onRange={choose} />
          <Between from={from} to={to} onRange={choose} />
        </Stack>
      </Popover.Dropdown>
    </Popover>
  )
}

function Jump({ onRange }: Pick<Props, 'onRange'>) {
  const [text, setText] = useState('')
  const [problem, setProblem] = useState<string>()
  const go = (event: FormEvent) => {
    event.preventDefault()
    const time = timeIn(text, Date.now())
    if (time === undefined) setProblem(NO_TIME)
    else onRange({ from: time - AROUND_MS, to: time + AROUND_MS })
  }
  return (
    <form onSubmit={go}>
      <TextInput
        size="xs"
        label="Jump to a time"
        description="A minute before and after it"
        placeholder="10:30, 5 min ago, 2026-11-27 10:30:05"
        value={text}
        error={problem}
        onChange={({ currentTarget }) => {
          setText(currentTarget.value)
          setProblem(undefined)
        }}
      />
    </form>
  )
}

function Between({ from, to, onRange }: Props) {
  const [texts, setTexts] = useState({ from: shown(from), to: shown(to) })
  const [problem, setProblem] = useState<string>()
  const go = (event: FormEvent) => {
    event.preventDefault()
    const [first, last] = [texts.from, texts.to].map((text) =>
      text.trim() === '' ? '' : timeIn(text, Date.now()),
    )
    if (first === undefined || last === undefined) return setProblem(NO_TIME)
    onRange({ from: first === '' ? undefined : first, to: last === '' ? undefined : last })
  }
  const field = (name: 'from' | 'to', label: string) => (
    <TextInput
      size="xs"
      label={label}
      placeholder={name === 'from' ? 'the beginning' : 'now'}
      value={texts[name]}
      onChange={({ currentTarget }) => {
        setTexts({ ...texts, [name]: currentTarget.value })
        setProblem(undefined)
      }}
    />
  )
  return (
    <form onSubmit={go} className={classes.between}>
      {field('from', 'From')}
      {field('to', 'To')}
      <Button size="xs" type="submit">
        Show
      </Button>
      {problem !== undefined && (
        <p className={classes.bad} role="alert">
          {problem}
        </p>
      )}
    </form>
  )
}

function words({ from, to }: TimeRange): string {
  const day = (time: number) => formatDateTime(time)
  if (from === undefined) return `until ${day(to ?? 0)}`
  if (to === undefined) return `since ${day(from)}`
  return `${day(from)} – ${day(to).slice(11)}`
}

function shown(time: number | undefined): string {
  return time === undefined ? '' : formatDateTime(time)
}

const NOW: TimeRange = { from: undefined, to: undefined }
const PRESETS = [
  ['5 min', 300_000],
  ['15 min', 900_000],
  ['1 h', 3_600_000],
  ['6 h', 21_600_000],
  ['24 h', 86_400_000],
] as const
const AROUND_MS = 60_000
const NO_TIME = 'This is no time: 10:30, 5 min ago, 2026-11-27 10:30'
