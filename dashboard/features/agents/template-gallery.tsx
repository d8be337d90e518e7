import { Badge, Button, Code, Group, Modal, Text, TextInput, Title } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { type KeyboardEvent, useMemo, useState } from 'react'
import type { AgentTemplate } from '../../../src/wire/authoring.ts'
import { ErrorState, LoadingState } from '../../components/states.tsx'
import { useScripting, useTemplates } from './queries.ts'
import classes from './template-gallery.module.css'

interface Props {
  readonly onClose: () => void
  readonly onChoose: (template: AgentTemplate) => void
}

/** Agents to begin with: what each does, and what it needs. */
export function TemplateGallery({ onClose, onChoose }: Props) {
  const { data: templates, error, refetch } = useTemplates()
  const [searched, setSearched] = useState('')
  const [chosen, choose] = useState<string>()
  const found = useMemo(
    () => (templates ?? []).filter((each) => isFound(each, searched)),
    [templates, searched],
  )
  const shown = found.find(({ name }) => name === chosen) ?? found[0]
  return (
    <Modal opened onClose={onClose} title="New from template" size={960} padding={0} classNames={HEAD}>
      {error !== null ? (
        <ErrorState title="The templates cannot be shown" error={error} onRetry={() => void refetch()} />
      ) : templates === undefined ? (
        <LoadingState what="the templates" />
      ) : (
        <div className={classes.gallery}>
          <div className={classes.list}>
            <TextInput
              size="xs"
              type="search"
              data-autofocus
              aria-label="Search templates"
              placeholder="Search templates"
              leftSection={<IconSearch size={14} aria-hidden />}
              value={searched}
              onChange={({ currentTarget }) => setSearched(currentTarget.value)}
              onKeyDown={({ key }) => key === 'Enter' && shown !== undefined && onChoose(shown)}
            />
            <List templates={found} shown={shown} onShow={choose} onChoose={onChoose} />
          </div>
          {shown === undefined ? (
            <div className={classes.detail}>No template has these words.</div>
          ) : (
            <Detail template={shown} onChoose={() => onChoose(shown)} />
          )}
        </div>
      )}
    </Modal>
  )
}

interface ListProps extends Pick<Props, 'onChoose'> {
  readonly templates: readonly AgentTemplate[]
  readonly shown: AgentTemplate | undefined
  readonly onShow: (name: string) => void
}

function List({ templates, shown, onShow, onChoose }: ListProps) {
  const move = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    const next = shown && templates[templates.indexOf(shown) + step]
    if (step === 0 || next === undefined) return
    event.preventDefault()
    onShow(next.name)
    document.getElementById(`template-${next.name}`)?.focus()
  }
  return (
    <div role="listbox" aria-label="Templates" tabIndex={-1} onKeyDown={move}>
      {templates.map((template, at) => (
        <div key={template.name} role="presentation">
          {template.category !== templates[at - 1]?.category && (
            <div className={classes.category} role="presentation">
              {template.category}
            </div>
          )}
          <button
            type="button"
            role="option"
            id={`template-${template.name}`}
            className={classes.item}
            aria-selected={template === shown}
            tabIndex={template === shown ? 0 : -1}
            onClick={() => onShow(template.name)}
            onDoubleClick={() => onChoose(template)}
          >
            {template.title}
          </button>
        </div>
      ))}
    </div>
  )
}

function Detail({ template, onChoose }: { readonly template: AgentTemplate; readonly onChoose: () => void }) {
  const { title, description, hooks, rights, sample, code, env } = template
  return (
    <section className={classes.detail} aria-label={title} tabIndex={-1}>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Title order={3} size="h4">
          {title}
        </Title>
        <Button size="xs" onClick={onChoose} style={{ flexShrink: 0 }}>
          Use this template
        </Button>
      </Group>
      {description.split('\n\n').map((paragraph) => (
        <Text key={paragraph} size="sm">
          {paragraph}
        </Text>
      ))}
      <dl className={classes.facts}>
        {hooks.length > 0 && (
          <>
            <dt>Hooks</dt>
            <dd>
              <Group gap={6}>
                {hooks.map((hook) => (
                  <Badge key={hook} variant="default" tt="none" fw={500}>
                    {hook}
                  </Badge>
                ))}
              </Group>
            </dd>
          </>
        )}
        {env.length > 0 && (
          <>
            <dt>Reads</dt>
            <dd>
              <EnvKeys keys={env} />
            </dd>
          </>
        )}
        {rights.hosts.length > 0 && (
          <>
            <dt>Calls</dt>
            <dd>{rights.hosts.join(', ')}</dd>
          </>
        )}
        {rights.files.length > 0 && (
          <>
            <dt>Writes</dt>
            <dd>{rights.files.join(', ')} in the data folder of its node</dd>
          </>
        )}
      </dl>
      {sample !== '' && (
        <>
          <Text size="xs" c="dimmed">
            What it prints
          </Text>
          <pre className={classes.output}>{sample}</pre>
        </>
      )}
      <Text size="xs" c="dimmed">
        Code
      </Text>
      <pre className={classes.code}>{code}</pre>
    </section>
  )
}

/** Keys of `scripting.env`, and whether they are there. */
function EnvKeys({ keys }: { readonly keys: AgentTemplate['env'] }) {
  const { data } = useScripting()
  return (
    <>
      {keys.map(({ name, description, optional }) => {
        const isSet = data?.env.includes(name) === true
        return (
          <div key={name}>
            <Code>env.{name}</Code>{' '}
            <span className={isSet || optional ? classes.set : classes.missing}>
              {isSet ? 'set' : optional ? 'optional' : 'not set'}
            </span>{' '}
            {description}
          </div>
        )
      })}
    </>
  )
}

function isFound({ title, description, category, hooks }: AgentTemplate, searched: string): boolean {
  const text = `${title}\n${description}\n${category}\n${hooks.join(' ')}`.toLowerCase()
  return searched
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word))
}

const HEAD = { header: classes.head ?? '' }
