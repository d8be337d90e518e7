import { ActionIcon, Button, Paper, Progress, Text } from '@mantine/core'
import { IconFileUpload, IconX } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'
import { useNavigate } from 'react-router'
import { useMay } from '../../lib/session.ts'
import classes from './captures.module.css'
import { type Upload, useCaptures, useOpenCaptures, useUploads } from './captures.ts'

/** Takes captures that are dropped anywhere on the page, and shows how far they are until their entries are there. */
export function CaptureDrop() {
  const may = useMay('operator')
  const openFiles = useOpenCaptures()
  const isOver = useDrop(may, openFiles)
  const uploads = useUploads((state) => state.uploads)
  return (
    <>
      {isOver && (
        <div className={classes.drop}>
          <div>
            <IconFileUpload size={40} aria-hidden />
            <p>Drop captures to open them</p>
            <small>pcap or pcapng, also with gzip or zstd</small>
          </div>
        </div>
      )}
      <div className={classes.uploads} role="status">
        {uploads.map((upload) => (
          <UploadCard key={upload.key} upload={upload} />
        ))}
      </div>
    </>
  )
}

/** Goes when its entries are there, which are opened then. */
function UploadCard({ upload }: { readonly upload: Upload }) {
  const navigate = useNavigate()
  const remove = useUploads((state) => state.remove)
  const { data } = useCaptures(upload.id !== undefined)
  const { key, id, name } = upload
  const capture = data?.captures.find((each) => each.id === id)
  const failure = upload.failure ?? capture?.failure?.message
  const hint = capture?.failure?.hint
  const isReady = capture?.state === 'ready'
  const open = () => {
    remove(key)
    void navigate(`/traffic?source=${encodeURIComponent(`capture:${id}`)}`)
  }
  const latest = useRef(open)
  latest.current = open
  useEffect(() => {
    if (isReady) latest.current()
  }, [isReady])
  const part = id === undefined ? upload.part : (capture?.progress ?? 0)
  const doing = id === undefined ? 'Uploading' : 'Reading'
  const close = () => {
    upload.cancel()
    remove(key)
  }
  return (
    <Paper withBorder shadow="md" p="sm">
      <div className={classes.cardHead}>
        <strong title={name}>{name}</strong>
        {failure === undefined && id !== undefined && (
          <Button size="compact-xs" variant="default" onClick={open}>
            Show what is read
          </Button>
        )}
        <ActionIcon
          variant="subtle"
          color="gray"
          size="sm"
          aria-label={id === undefined && failure === undefined ? `Cancel ${name}` : `Close ${name}`}
          onClick={close}
        >
          <IconX size={14} />
        </ActionIcon>
      </div>
      {failure === undefined ? (
        <>
          <Text size="xs" c="dimmed" className="numbers">
            {doing}… {Math.floor(part * 100)} %
          </Text>
          <Progress size="sm" value={part * 100} aria-label={`${doing} ${name}`} />
        </>
      ) : (
        <Text size="xs" c="var(--bad)" role="alert">
          It could not be opened: {failure}
          {hint !== undefined && `. ${hint}`}
        </Text>
      )}
    </Paper>
  )
}

/** Whether files are over the page; those that are dropped are taken. Drops of text and links are left to the browser. */
function useDrop(isWanted: boolean, onFiles: (files: readonly File[]) => void): boolean {
  const [isOver, setOver] = useState(false)
  const take = useRef(onFiles)
  take.current = onFiles
  useEffect(() => {
    if (!isWanted) return
    const stop = new AbortController()
    const { signal } = stop
    const hasFiles = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes('Files') === true
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setOver(true)
    }
    window.addEventListener('dragenter', over, { signal })
    window.addEventListener('dragover', over, { signal })
    window.addEventListener('dragleave', ({ relatedTarget }) => relatedTarget === null && setOver(false), {
      signal,
    })
    window.addEventListener(
      'drop',
      (event) => {
        if (!hasFiles(event)) return
        event.preventDefault()
        setOver(false)
        take.current([...(event.dataTransfer?.files ?? [])])
      },
      { signal },
    )
    return () => stop.abort()
  }, [isWanted])
  return isOver
}
