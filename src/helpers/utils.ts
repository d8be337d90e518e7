import { stringify } from 'yaml'
import { z } from 'zod'
import { Mistake } from '../mistake/mistake.ts'
import { helper, jsonText, namespace, sandboxHelper, typed } from './helper.ts'

export const utils = namespace('utils', 'What fits nowhere else.', {
  nodeName: sandboxHelper({
    doc: 'Name of the node that this worker runs on; `hub` on the hub.',
    params: {},
    returns: z.string(),
    example: `console.log('running on', utils.nodeName())`,
  }),
  bytes: sandboxHelper({
    doc: 'The bytes of a body that is text, one number a character (its code modulo 256). Anything else comes back as it is.',
    params: { text: typed('any').describe('`data.request.postData.text` and the like') },
    returns: z.array(z.number()),
    example: `console.log(utils.bytes('GET').length)`,
  }),
  json2Yaml: helper({
    doc: 'JSON text as YAML. Throws when it is not JSON.',
    params: { json: jsonText.describe('JSON text; an object is taken as it is') },
    returns: z.string(),
    example: `console.log(utils.json2Yaml(JSON.stringify({ calls: 3, paths: ['/cart', '/pay'] })))`,
    run: ({ json }) => toYaml(readJson(json)),
  }),
  health: helper({
    doc: 'State of this component as JSON text. On both: `nodeName`, `clusterID`, `version`, `timestamp`, `cpuUsage` (share of a core), `memoryUsage` (bytes), `restarts`, `lastRestartReason`, `lastRestartTimestamp`, `resources`. On a worker also `storage`, `sniffer`, `snifferStats` (`Sources` by name, with `PacketsGot` and `ChunksLost`), `tracer`, `tracerStats`, `bpfFilter` and `licenseData`; on the hub `workers` and `nodes`. Where a cluster is followed `cluster`: `state` (`following`, or `waiting` where nobody tells anything), `newsAgeMs`, `known` by kind; on the hub that leads `watches`.',
    params: {},
    returns: z.string(),
    example: `console.log(JSON.parse(utils.health()).memoryUsage)`,
    run: (_, host) => JSON.stringify(host.health()),
  }),
})

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Mistake('E_HELPER_ARGUMENT', 'utils.json2Yaml(json): json: expected JSON, found other text', {
      cause,
    })
  }
}

function toYaml(value: unknown): string {
  try {
    return stringify(value, { lineWidth: 0 })
  } catch (cause) {
    // The only way to fail for what came out of JSON: nested so deeply that the stack is used up.
    if (!(cause instanceof RangeError)) throw cause
    throw new Mistake('E_HELPER_REFUSED', 'utils.json2Yaml: nested too deeply', { cause })
  }
}
