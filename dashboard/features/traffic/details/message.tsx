import { Switch } from '@mantine/core'
import { useState } from 'react'
import type { ValuePath } from '../../../components/filter-box/clause.ts'
import { Body } from './body.tsx'
import classes from './details.module.css'
import { SectionFrame } from './section-frame.tsx'
import { emptyCount, type FieldShape, type Section, sectionsOf } from './sections.ts'
import { Tree } from './tree.tsx'
import { Values } from './values.tsx'

interface Props {
  readonly title: string
  readonly message: unknown
  readonly path: ValuePath
  readonly shape?: FieldShape | undefined
  /** In place of a message that is not there. */
  readonly nothing: string
}

/** A request, a reply or an item of its own, as its schema has it. */
export function Message({ title, message, path, shape, nothing }: Props) {
  const [isWhole, setWhole] = useState(false)
  const sections = sectionsOf(message, path, { shape, isWhole })
  const empty = emptyCount(message)
  if (message === null || message === undefined) return <p className={classes.nothing}>{nothing}</p>
  return (
    <>
      {sections.map((section) => (
        <SectionView key={`${section.kind} ${section.title}`} section={section} title={title} />
      ))}
      {empty > 0 && (
        <Switch
          size="xs"
          p={10}
          label={`Show what is empty (${empty})`}
          checked={isWhole}
          onChange={({ currentTarget }) => setWhole(currentTarget.checked)}
        />
      )}
    </>
  )
}

export function SectionView({ section, title }: { readonly section: Section; readonly title: string }) {
  switch (section.kind) {
    case 'values':
      return (
        <SectionFrame title={section.title} note={section.title === '' ? '' : String(section.values.length)}>
          <Values label={section.title || title} values={section.values} />
        </SectionFrame>
      )
    case 'body':
      return <Body title={section.title} body={section.body} />
    case 'tree':
      return (
        <SectionFrame title={section.title}>
          <Tree label={section.title} value={section.value} path={section.path} />
        </SectionFrame>
      )
  }
}
