import { Button, SegmentedControl } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { useEffect, useMemo, useState } from 'react'
import { saveAs } from '../../../lib/api.ts'
import { formatBytes } from '../../../lib/format.ts'
import {
  type BodyContent,
  type BodyView,
  bodyBytes,
  compressionOf,
  contentOf,
  firstView,
  inflated,
  looksLikeBase64,
} from '../body-content.ts'
import { hexLine, hexLineCount } from '../hex-dump.ts'
import classes from './details.module.css'
import { FilterActions } from './filter-actions.tsx'
import { FixedList } from './fixed-list.tsx'
import { SectionFrame } from './section-frame.tsx'
import type { BodyField } from './sections.ts'
import { Tree } from './tree.tsx'
import { fileName, LongText } from './values.tsx'

/** What a message carries, in the form in which it is read best, or in another one. */
export function Body({ title, body }: { readonly title: string; readonly body: BodyField }) {
  const [isRaw, setRaw] = useState(false)
  const content = useContent(body, isRaw)
  const [chosen, setChosen] = useState<BodyView>()
  const views = viewsOf(content)
  const view = chosen !== undefined && views.includes(chosen) ? chosen : firstView(content.kind)
  const notes = [formatBytes(content.bytes.length), body.mimeType, ...content.decoded].filter(Boolean)
  return (
    <SectionFrame
      title={title}
      note={`${notes.join(' · ')}${body.isTruncated ? ' · not all of it was kept' : ''}`}
      actions={
        <>
          <FilterActions path={body.path} name={title.toLowerCase()} />
          {(content.decoded.length > 0 || isRaw) && (
            <Button size="compact-xs" variant="default" onClick={() => setRaw(!isRaw)}>
              {isRaw ? 'Decode' : 'As it was'}
            </Button>
          )}
          <SegmentedControl
            size="xs"
            aria-label={`View of ${title.toLowerCase()}`}
            data={views.map((each) => ({ value: each, label: LABELS[each] }))}
            value={view}
            onChange={(value) => setChosen(views.find((each) => each === value))}
          />
          <Button
            size="compact-xs"
            variant="default"
            aria-label={`Download ${title.toLowerCase()}`}
            onClick={() =>
              saveAs(new Blob([new Uint8Array(content.bytes)]), `${fileName(title.toLowerCase())}.bin`)
            }
          >
            <IconDownload size={14} />
          </Button>
        </>
      }
    >
      <View title={title} view={view} content={content} />
    </SectionFrame>
  )
}

interface ViewProps {
  readonly title: string
  readonly view: BodyView
  readonly content: BodyContent
}

function View({ title, view, content: { kind, text, bytes } }: ViewProps) {
  if (view === 'tree' && kind.kind === 'json') return <Tree label={title} value={kind.value} />
  if (view === 'image' && kind.kind === 'image') return <Image bytes={bytes} mimeType={kind.mimeType} />
  if (view === 'hex') return <Hex title={title} bytes={bytes} />
  return (
    <div className={classes.long}>
      <LongText text={text} name={title} first={FIRST_LETTERS} />
    </div>
  )
}

function Hex({ title, bytes }: { readonly title: string; readonly bytes: Uint8Array }) {
  return (
    <FixedList
      label={`${title} in hexadecimal`}
      count={hexLineCount(bytes.length)}
      height={18}
      isText
      line={(at, top) => {
        const line = hexLine(bytes, at)
        return (
          <div key={at} className={classes.hexLine} style={{ transform: `translateY(${top}px)` }}>
            <span className={classes.count}>{line.offset}</span>
            <span>{line.bytes.padEnd(48)}</span>
            <span>{line.text}</span>
          </div>
        )
      }}
    />
  )
}

/** Of formats that cannot do anything but be seen. */
function Image({ bytes, mimeType }: { readonly bytes: Uint8Array; readonly mimeType: string }) {
  const [address, setAddress] = useState<string>()
  useEffect(() => {
    const url = URL.createObjectURL(new Blob([new Uint8Array(bytes)], { type: mimeType }))
    setAddress(url)
    return () => URL.revokeObjectURL(url)
  }, [bytes, mimeType])
  return <div className={classes.image}>{address !== undefined && <img src={address} alt={mimeType} />}</div>
}

/** Unpacked as far as it says, or shows, how it was packed. */
function useContent({ text, encoding, mimeType }: BodyField, isRaw: boolean): BodyContent {
  const first = useMemo(() => {
    if (isRaw) return contentOf(bodyBytes(text, ''), mimeType)
    const isPacked = encoding === 'base64' || (encoding === '' && looksLikeBase64(text))
    return contentOf(bodyBytes(text, isPacked ? 'base64' : ''), mimeType, isPacked ? ['from base64'] : [])
  }, [text, encoding, mimeType, isRaw])
  const [unpacked, setUnpacked] = useState<{ readonly of: BodyContent; readonly content: BodyContent }>()
  useEffect(() => {
    const format = isRaw ? undefined : compressionOf(first.bytes)
    if (format === undefined) return
    let isWanted = true
    void inflated(first.bytes, format).then((bytes) => {
      if (isWanted && bytes !== undefined)
        setUnpacked({ of: first, content: contentOf(bytes, mimeType, [...first.decoded, `from ${format}`]) })
    })
    return () => {
      isWanted = false
    }
  }, [first, mimeType, isRaw])
  return unpacked?.of === first ? unpacked.content : first
}

function viewsOf({ kind }: BodyContent): readonly BodyView[] {
  switch (kind.kind) {
    case 'json':
      return ['tree', 'text', 'hex']
    case 'image':
      return ['image', 'hex']
    default:
      return ['text', 'hex']
  }
}

const LABELS: Readonly<Record<BodyView, string>> = { tree: 'JSON', text: 'Text', hex: 'Hex', image: 'Image' }
const FIRST_LETTERS = 20_000
