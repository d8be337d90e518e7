/**
 * Changes one agent again and again, each version telling its number, and prints those that it has made: for tests that kill
 * it. `test-writer.ts FOLDER ID [TIMES]`
 */
import { testRules } from '../../testing/describe-agent-store.ts'
import { openFolderStore } from './folder-shelf.ts'

const [folder = '', id = '', times = '1000000'] = process.argv.slice(2)
const store = openFolderStore({ ...testRules(), folder })
for (let n = 0; n < Number(times); n++) {
  const next = (await store.get(id)).version + 1
  const change = { code: `// ${next}`, title: `a ${next}`, active: next % 2 === 0 }
  const { version } = await store.update(id, Number(times) > 1000 ? change : { code: change.code }, 'writer')
  process.stdout.write(`${version}\n`)
}
