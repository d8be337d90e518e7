import { type Comparison, type Fields, type Rows, tally } from './seen.ts'

/** Frames by side, opcode and length, and what texts begin with. Of messages in pieces tshark does not inflate the end. */
export const ws: Comparison = (seen, truth) => {
  const { frames } = (truth.websocket as { frames?: Rows } | undefined) ?? {}
  const ours = [
    ...seen.requests('ws').map((frame) => ['client', frame] as const),
    ...seen.responses('ws').map((frame) => ['server', frame] as const),
  ]
  const rows = (frames?.rows ?? []).map(([, , fromClient, opcode, fin, , , length, text]) => ({
    ...{ from: fromClient === true ? 'client' : 'server', opcode, fin: fin === 1, length },
    text: opcode === 8 ? String(text ?? 1005) : opcode === 1 && fin === 1 ? String(text ?? '') : '',
  }))
  return [
    {
      what: 'frame',
      ours: tally(
        ours.map(([from, frame]) => `${from} ${frame.opcodeNumber} ${frame.fin} ${frame.payloadLength}`),
      ),
      theirs: tally(rows.map(({ from, opcode, fin, length }) => `${from} ${opcode} ${fin} ${length}`)),
    },
    {
      what: 'text',
      ours: tally(ours.map(([from, frame]) => `${from} ${shortened(textOf(frame))}`)),
      theirs: tally(rows.map(({ from, text }) => `${from} ${shortened(text)}`)),
    },
  ]
}

function textOf({ opcode, fin, closeCode, payloadData }: Fields): string {
  if (opcode === 'close') return String(closeCode)
  return opcode === 'text' && fin === true ? String(payloadData) : ''
}

/** The truth has the beginning of long texts, on one line. */
function shortened(text: string): string {
  return text
    .replace(/…$/, '')
    .slice(0, LONGEST)
    .replaceAll(/\s/g, ' ')
    .replaceAll(/ +/g, ' ')
    .slice(0, LONGEST / 2)
}

const LONGEST = 60
