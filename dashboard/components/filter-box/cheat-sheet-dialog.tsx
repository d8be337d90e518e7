import { Modal, Text } from '@mantine/core'
import { Fragment } from 'react'
import { cheatSheet } from './cheat-sheet.ts'
import classes from './filter-box.module.css'

interface Props {
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly onInsert: (filter: string) => void
}

/** Examples in both languages; a click takes one. */
export function CheatSheet({ isOpen, onClose, onInsert }: Props) {
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title="How filters are written"
      size="min(1100px, 94vw)"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Text size="sm" c="dimmed">
        Two languages are understood, and told apart by themselves: KFL, with “and”, “or” and the fields of
        entries, and CEL (KFL2), with “&&”, “||” and variables. “kfl1:” or “kfl2:” in front decides where both
        could be meant. Times that something took are in microseconds.
      </Text>
      <table className={classes.sheet}>
        <tbody>
          {cheatSheet.map(({ title, rows }, at) => (
            <Fragment key={title}>
              <tr>
                {at === 0 ? (
                  <>
                    <th scope="col">{title}</th>
                    <th scope="col">KFL</th>
                    <th scope="col">CEL</th>
                  </>
                ) : (
                  <th colSpan={3}>{title}</th>
                )}
              </tr>
              {rows.map(({ what, kfl, cel }) => (
                <tr key={what}>
                  <td>{what}</td>
                  <td>
                    <Example text={kfl} onInsert={onInsert} />
                  </td>
                  <td>{cel !== '' && <Example text={cel} onInsert={onInsert} />}</td>
                </tr>
              ))}
            </Fragment>
          ))}
        </tbody>
      </table>
    </Modal>
  )
}

function Example({ text, onInsert }: { readonly text: string; readonly onInsert: Props['onInsert'] }) {
  return (
    <button type="button" className={classes.example} onClick={() => onInsert(text)}>
      {text}
    </button>
  )
}
