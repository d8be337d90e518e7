import { ActionIcon, Button, Tooltip } from '@mantine/core'
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconFilter,
  IconHelp,
  IconHistory,
  IconLoader2,
  IconX,
} from '@tabler/icons-react'
import {
  type KeyboardEvent,
  type Ref,
  useEffect,
  useId,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from 'react'
import { CheatSheet } from './cheat-sheet-dialog.tsx'
import { languageOf } from './clause.ts'
import { type Completion, complete } from './completion.ts'
import classes from './filter-box.module.css'
import { checkFilter, type FilterCheck, useFilterCheck } from './filter-check.ts'
import { useFilterFields } from './filter-fields.ts'
import { filterHistory, remember } from './history.ts'

export interface FilterBoxHandle {
  focus(): void
}

interface Props {
  /** The filter that holds; what is written is another one until it is applied. */
  readonly value: string
  /** Called with what the hub can read, or could not be asked about. */
  readonly onApply: (filter: string) => void
  /** With each change, before it is applied. */
  readonly onDraft?: (filter: string) => void
  readonly label?: string
  readonly placeholder?: string
  /** Values that a field has in what is shown. */
  readonly valuesOf?: (path: string) => readonly string[]
  /** Without a button: for forms, which apply by themselves. */
  readonly isPartOfForm?: boolean
  readonly ref?: Ref<FilterBoxHandle>
}

/** A line in which a filter is written, in either language. */
export function FilterBox({
  value,
  onApply,
  onDraft,
  label = 'Filter',
  placeholder = 'Filter: http and response.status >= 500',
  valuesOf,
  isPartOfForm = false,
  ref,
}: Props) {
  const id = useId()
  const input = useRef<HTMLInputElement>(null)
  const [draft, setDraft] = useState(value)
  const [cursor, setCursor] = useState(value.length)
  const [popup, setPopup] = useState<'completion' | 'history' | undefined>()
  const [active, setActive] = useState(-1)
  const [refused, setRefused] = useState<FilterCheck>()
  const [isSheetOpen, setSheetOpen] = useState(false)
  const caret = useRef<number>(undefined)
  const asked = useFilterCheck(draft)
  const check = refused?.text === draft ? refused : asked
  const language = languageOf(draft) ?? check.language
  const fields = useFilterFields(language ?? 'kfl2')

  useEffect(() => setDraft(value), [value])
  useImperativeHandle(ref, () => ({
    focus: () => {
      input.current?.focus()
      input.current?.select()
    },
  }))
  useLayoutEffect(() => {
    if (caret.current === undefined) return
    input.current?.setSelectionRange(caret.current, caret.current)
    caret.current = undefined
  })

  const completions = complete(draft, cursor, {
    fields,
    language: language ?? 'kfl2',
    ...(valuesOf === undefined ? {} : { valuesOf }),
  })
  const items = popup === 'history' ? pastItems(draft) : popup === 'completion' ? completions.items : []
  const isOpen = items.length > 0

  const write = (text: string, at = text.length) => {
    setDraft(text)
    setCursor(at)
    onDraft?.(text)
  }
  const open = (which: typeof popup) => {
    setPopup(which)
    setActive(-1)
  }
  const accept = (item: Completion) => {
    const isPast = popup === 'history'
    const before = isPast ? '' : draft.slice(0, completions.from)
    const after = isPast ? '' : draft.slice(completions.to)
    const isMore = !isPast && /[("=<>&|] ?$|\b(and|or) $/.test(item.insert)
    write(before + item.insert + after, before.length + item.insert.length)
    caret.current = before.length + item.insert.length
    open(isMore ? 'completion' : undefined)
    input.current?.focus()
  }
  const apply = async (text = draft) => {
    open(undefined)
    const result = text === check.text && check.state !== 'checking' ? check : await checkFilter(text)
    if (result.state === 'bad') return setRefused(result)
    remember(localStorage, text)
    onApply(text.trim())
  }
  const move = (by: 1 | -1) => setActive((before) => (before + by + items.length + 1) % (items.length + 1))

  const onKeyDown = (event: KeyboardEvent) => {
    const chosen = isOpen ? items[active] : undefined
    const act = keyActions({ event, isOpen, chosen, first: items[0] }, { accept, apply, open, move })
    if (act === undefined) return
    event.preventDefault()
    event.stopPropagation()
    act(draft)
  }

  return (
    <search className={classes.box} data-state={check.state}>
      <span className={classes.state}>
        <StateIcon state={check.state} />
      </span>
      <div className={classes.writing}>
        <input
          ref={input}
          className={classes.input}
          role="combobox"
          aria-label={label}
          aria-autocomplete="list"
          aria-expanded={isOpen}
          aria-controls={`${id}-items`}
          aria-activedescendant={isOpen && active >= 0 && items[active] ? `${id}-${active}` : undefined}
          aria-invalid={check.state === 'bad'}
          aria-describedby={`${id}-problem`}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          placeholder={placeholder}
          value={draft}
          onChange={({ currentTarget }) => {
            write(currentTarget.value, currentTarget.selectionStart ?? currentTarget.value.length)
            open('completion')
          }}
          onSelect={({ currentTarget }) => setCursor(currentTarget.selectionStart ?? 0)}
          onBlur={() => open(undefined)}
          onKeyDown={onKeyDown}
        />
        {check.place !== undefined && (
          <span
            className={classes.wrong}
            style={{
              left: `calc(${check.place.offset}ch - ${input.current?.scrollLeft ?? 0}px)`,
              width: `${Math.max(check.place.length, 1)}ch`,
            }}
          />
        )}
        {isOpen && (
          <Items
            id={id}
            items={items}
            active={active}
            left={popup === 'history' ? 0 : completions.from}
            onAccept={accept}
          />
        )}
      </div>
      {draft.trim() !== '' && language !== undefined && (
        <Tooltip label={language === 'kfl1' ? 'Written in KFL' : 'Written in CEL (KFL2)'}>
          <span className={classes.language}>{language === 'kfl1' ? 'KFL' : 'CEL'}</span>
        </Tooltip>
      )}
      {draft !== '' && (
        <Tool
          label="Clear the filter"
          onClick={() => {
            write('')
            if (!isPartOfForm) void apply('')
          }}
        >
          <IconX size={14} />
        </Tool>
      )}
      <Tool
        label="Filters from before (Arrow up in the empty box)"
        onClick={() => {
          input.current?.focus()
          open(popup === 'history' ? undefined : 'history')
        }}
      >
        <IconHistory size={15} />
      </Tool>
      <Tool label="How filters are written" onClick={() => setSheetOpen(true)}>
        <IconHelp size={16} />
      </Tool>
      {!isPartOfForm && (
        <Button
          size="compact-xs"
          mx={4}
          variant={draft.trim() === value.trim() ? 'subtle' : 'filled'}
          onClick={() => void apply()}
        >
          Apply
        </Button>
      )}
      <span id={`${id}-problem`} role="status">
        {!isOpen && <Problem check={check} />}
      </span>
      <CheatSheet
        isOpen={isSheetOpen}
        onClose={() => setSheetOpen(false)}
        onInsert={(text) => {
          setSheetOpen(false)
          write(text)
          requestAnimationFrame(() => input.current?.focus())
        }}
      />
    </search>
  )
}

/** What is wrong with it, or hardly meant. */
function Problem({ check: { state, message, warning } }: { readonly check: FilterCheck }) {
  const text = state === 'bad' ? message : warning
  if (text === undefined) return null
  return (
    <span className={classes.problem} data-state={state}>
      <IconAlertTriangle size={14} aria-hidden />
      {text}
    </span>
  )
}

interface Pressed {
  readonly event: KeyboardEvent
  readonly isOpen: boolean
  readonly chosen: Completion | undefined
  readonly first: Completion | undefined
}

interface Acts {
  accept(item: Completion): void
  apply(): Promise<void>
  open(which: 'completion' | 'history' | undefined): void
  move(by: 1 | -1): void
}

/** What a key does here; nothing for those that write. */
function keyActions(
  { event, isOpen, chosen, first }: Pressed,
  { accept, apply, open, move }: Acts,
): ((draft: string) => void) | undefined {
  switch (event.key) {
    case 'Enter':
      return chosen === undefined ? () => void apply() : () => accept(chosen)
    case 'Tab': {
      const item = chosen ?? first
      return isOpen && item !== undefined && !event.shiftKey ? () => accept(item) : undefined
    }
    case 'Escape':
      return isOpen ? () => open(undefined) : () => (event.currentTarget as HTMLElement).blur()
    case 'ArrowDown':
      return isOpen ? () => move(1) : () => open('completion')
    case 'ArrowUp':
      return isOpen ? () => move(-1) : (draft) => open(draft === '' ? 'history' : undefined)
    case ' ':
      return event.ctrlKey ? () => open('completion') : undefined
  }
  return undefined
}

function pastItems(draft: string): readonly Completion[] {
  return filterHistory(localStorage)
    .filter((filter) => filter !== draft)
    .map((filter) => ({ label: filter, insert: filter, doc: '', kind: 'field' }))
}

interface ItemsProps {
  readonly id: string
  readonly items: readonly Completion[]
  readonly active: number
  /** Column under which it stands. */
  readonly left: number
  readonly onAccept: (item: Completion) => void
}

function Items({ id, items, active, left, onAccept }: ItemsProps) {
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' })
  })
  return (
    <div
      ref={list}
      id={`${id}-items`}
      role="listbox"
      aria-label="What can stand here"
      className={classes.popup}
      style={{ left: `min(${left}ch, max(0px, 100% - 420px))` }}
    >
      {items.map((item, at) => (
        <div
          key={`${item.kind}:${item.label}`}
          id={`${id}-${at}`}
          role="option"
          tabIndex={-1}
          aria-selected={at === active}
          className={classes.item}
          onMouseDown={(event) => {
            event.preventDefault()
            onAccept(item)
          }}
        >
          <span className={classes.label} data-kind={item.kind}>
            {item.label}
          </span>
          <span className={classes.doc}>{item.doc}</span>
        </div>
      ))}
    </div>
  )
}

function StateIcon({ state }: Pick<FilterCheck, 'state'>) {
  switch (state) {
    case 'good':
      return <IconCircleCheck size={16} role="img" aria-label="The filter can be read" />
    case 'bad':
      return <IconAlertTriangle size={16} role="img" aria-label="The filter cannot be read" />
    case 'checking':
      return <IconLoader2 size={16} role="img" aria-label="The filter is checked" />
    default:
      return <IconFilter size={16} aria-hidden />
  }
}

interface ToolProps {
  readonly label: string
  readonly onClick: () => void
  readonly children: React.ReactNode
}

function Tool({ label, onClick, children }: ToolProps) {
  return (
    <Tooltip label={label}>
      <ActionIcon size={24} variant="subtle" color="gray" aria-label={label} onClick={onClick}>
        {children}
      </ActionIcon>
    </Tooltip>
  )
}
