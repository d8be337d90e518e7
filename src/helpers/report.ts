import { z } from 'zod'
import { Mistake } from '../mistake/mistake.ts'
import { isJson } from '../wire/codec.ts'
import { REPORT_FORMATS, type ReportFormat, reportName } from '../wire/reports.ts'
import { type HelperHost, helper, namespace, textOrJson } from './helper.ts'

export const report = namespace(
  'report',
  'Reports for people, kept on the node and downloaded from the hub.',
  {
    write: helper({
      effect: 'file',
      doc: 'Keeps a report. Each time that a script writes the same name is a version of its own; old ones make room for new ones. `remora reports` and `GET /api/v1/reports` list them.',
      params: {
        name: reportName.describe('What it is called, such as `slow-calls.html`'),
        content: textOrJson.describe('Text, as UTF-8; of a JSON report also a list or an object'),
        options: z
          .strictObject({ type: z.enum(REPORT_FORMATS).optional() })
          .default({})
          .describe('`{type}`, when the ending of the name does not say it: .html, .md, .csv or .json'),
      },
      returns: z.object({
        id: z.string(),
        version: z.number().describe('1 for the first of this name'),
        bytes: z.number(),
      }),
      target: ({ name }, host) => ({ text: `report ${name} on ${host.nodeName}`, hosts: [] }),
      rehearsed: (args, host) => {
        const { content } = read(args, host)
        return { id: 'rehearsed', version: 1, bytes: Buffer.byteLength(content) }
      },
      example: `report.write('calls.csv', 'path,calls\\n/cart,12\\n')\nreport.write('summary.md', '# Today\\n\\nAll is well.')\nreport.write('today', { calls: 12 }, { type: 'json' })`,
      async run(args, host) {
        const { id, version, bytes } = await host.reports.write(read(args, host))
        return { id, version, bytes }
      },
    }),
  },
)

interface WriteArguments {
  readonly name: string
  readonly content: z.output<typeof textOrJson>
  readonly options: { readonly type?: ReportFormat | undefined }
}

function read({ name, content, options }: WriteArguments, { agent }: HelperHost) {
  const type = options.type ?? typeOf(name, content)
  const text = typeof content === 'string' ? content : JSON.stringify(content, undefined, 2)
  if (type !== 'json' && typeof content !== 'string')
    throw new Mistake('E_HELPER_ARGUMENT', `report.write: content: a report of type ${type} is text`)
  if (type === 'json' && typeof content === 'string' && !isJson(content))
    throw new Mistake('E_HELPER_ARGUMENT', 'report.write: content: that is no JSON')
  const bytes = Buffer.byteLength(text)
  if (bytes > LARGEST_REPORT)
    throw new Mistake(
      'E_HELPER_REFUSED',
      `report.write: ${bytes} bytes are more than the ${LARGEST_REPORT} that a report may have`,
    )
  return { agent: agent.id ?? agent.title, title: agent.title, name, format: type, content: text }
}

function typeOf(name: string, content: WriteArguments['content']): ReportFormat {
  const ending = /\.([a-z]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ''
  const type = ENDINGS[ending] ?? (typeof content === 'string' ? undefined : 'json')
  if (type === undefined)
    throw new Mistake(
      'E_HELPER_ARGUMENT',
      'report.write: name: it must end in .html, .md, .csv or .json, or options must have a type',
    )
  return type
}

const ENDINGS: Readonly<Record<string, ReportFormat>> = {
  html: 'html',
  htm: 'html',
  md: 'markdown',
  markdown: 'markdown',
  csv: 'csv',
  json: 'json',
}
const LARGEST_REPORT = 4 << 20
