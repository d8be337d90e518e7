import { basename } from 'node:path'
import type { HelperHost } from '../helper.ts'

/** What names of uploads begin with: who wrote them. */
type Uploader = Pick<HelperHost, 'nodeName' | 'nodeIp'>

/** `<NODE_NAME>_<NODE_IP>_<RUN_ID>/<FILENAME>`: what a file is called in a bucket. */
export function objectName(host: Uploader & Pick<HelperHost, 'runId'>, path: string): string {
  return `${nodePrefix(host)}_${host.runId}/${basename(path)}`
}

/** `<NODE_NAME>_<NODE_IP>/<FILENAME>`, the older form: the same for each run. */
export function nodeObjectName(host: Uploader, path: string): string {
  return `${nodePrefix(host)}/${basename(path)}`
}

/** What names of all that this node has put begin with; `isOfNode` tells which of them are its own. */
export function nodePrefix({ nodeName, nodeIp }: Uploader): string {
  return `${nodeName}_${nodeIp}`
}

/** Of this node, in whatever run, and not of one whose address begins with the same digits. */
export function isOfNode(host: Uploader, name: string): boolean {
  const prefix = nodePrefix(host)
  return name.startsWith(`${prefix}/`) || name.startsWith(`${prefix}_`)
}
