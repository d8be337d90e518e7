import { ActionIcon, Button, FileButton, Popover, Progress, Tooltip, UnstyledButton } from '@mantine/core'
import { IconActivity, IconChevronDown, IconFileUpload, IconFolderOpen, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import type { CaptureView } from '../../../src/wire/captures.ts'
import { confirm } from '../../components/confirm.tsx'
import { notifyFailure } from '../../lib/notify.ts'
import { useMay } from '../../lib/session.ts'
import classes from './captures.module.css'
import { useCaptures, useOpenCaptures, useRemoveCapture } from './captures.ts'
import { captureText, lossText, sourceName } from './source-text.ts'

interface Props {
  /** Undefined: what comes now. */
  readonly chosen: string | undefined
  readonly onChoose: (source: string | undefined) => void
}

/** What traffic is shown: what comes now, or that of a capture. */
export function SourceMenu({ chosen, onChoose }: Props) {
  const may = useMay('operator')
  const { data } = useCaptures(may)
  const [isOpen, setOpen] = useState(false)
  const captures = data?.captures ?? []
  if (!may && chosen === undefined) return null
  const name = sourceName(chosen, captures)
  const Icon = chosen === undefined ? IconActivity : IconFolderOpen
  const choose = (source: string | undefined) => {
    setOpen(false)
    onChoose(source)
  }
  return (
    <Popover position="bottom-end" shadow="md" width={380} trapFocus opened={isOpen} onChange={setOpen}>
      <Popover.Target>
        <Button
          size="xs"
          variant={chosen === undefined ? 'default' : 'light'}
          aria-label={`Source: ${name}`}
          leftSection={<Icon size={14} aria-hidden />}
          rightSection={<IconChevronDown size={13} aria-hidden />}
          onClick={() => setOpen(!isOpen)}
        >
          <span className={classes.source}>{name}</span>
        </Button>
      </Popover.Target>
      <Popover.Dropdown p={4} aria-label="Sources">
        <UnstyledButton
          className={classes.open ?? ''}
          aria-current={chosen === undefined}
          onClick={() => choose(undefined)}
        >
          <span className={classes.name}>Live traffic</span>
          <span className={classes.about}>What workers see and keep now</span>
        </UnstyledButton>
        {may && (
          <CaptureList captures={captures} chosen={chosen} onChoose={choose} onDone={() => setOpen(false)} />
        )}
      </Popover.Dropdown>
    </Popover>
  )
}

interface ListProps extends Props {
  readonly captures: readonly CaptureView[]
  /** Something else is to be looked at now. */
  readonly onDone: () => void
}

function CaptureList({ captures, onDone, ...rest }: ListProps) {
  const openFiles = useOpenCaptures()
  const take = (files: File[]) => {
    onDone()
    openFiles(files)
  }
  return (
    <>
      <h2 className={classes.label}>Captures</h2>
      {captures.length === 0 && (
        <p className={classes.none}>None was opened yet. Drop a pcap or pcapng anywhere on the page.</p>
      )}
      <ul className={classes.captures}>
        {captures.map((capture) => (
          <CaptureItem key={capture.id} capture={capture} onDone={onDone} {...rest} />
        ))}
      </ul>
      <FileButton multiple onChange={take} accept={ENDINGS}>
        {(props) => (
          <Button
            {...props}
            fullWidth
            size="xs"
            mt={4}
            variant="default"
            leftSection={<IconFileUpload size={14} aria-hidden />}
          >
            Open a capture…
          </Button>
        )}
      </FileButton>
    </>
  )
}

interface ItemProps extends Props {
  readonly capture: CaptureView
  readonly onDone: () => void
}

function CaptureItem({ capture, chosen, onChoose, onDone }: ItemProps) {
  const remove = useRemoveCapture()
  const { id, name, state, progress } = capture
  const source = `capture:${id}`
  const ask = () => {
    onDone()
    confirm({
      title: `Delete ${name}?`,
      text: 'Its entries and packets go from the hub. The file that it came from stays where it is.',
      act: 'Delete',
      onConfirm: () => {
        if (chosen === source) onChoose(undefined)
        remove(id).catch((error: unknown) => notifyFailure(`${name} could not be deleted`, error))
      },
    })
  }
  return (
    <li className={classes.item}>
      <UnstyledButton
        className={classes.open ?? ''}
        aria-current={chosen === source}
        disabled={state === 'failed'}
        onClick={() => onChoose(source)}
      >
        <span className={classes.name}>{name}</span>
        <span className={classes.about} data-state={state} title={lossText(capture)}>
          {captureText(capture)}
        </span>
        {state === 'reading' && <Progress size={3} value={progress * 100} aria-label={`Reading ${name}`} />}
      </UnstyledButton>
      <Tooltip label="Delete">
        <ActionIcon size={26} variant="subtle" color="gray" aria-label={`Delete ${name}`} onClick={ask}>
          <IconTrash size={14} />
        </ActionIcon>
      </Tooltip>
    </li>
  )
}

const ENDINGS = '.pcap,.pcapng,.cap,.gz,.zst,application/vnd.tcpdump.pcap'
