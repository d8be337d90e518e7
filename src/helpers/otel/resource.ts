import type { HelperHost } from '../helper.ts'
import { version } from '../version.ts'
import { type Attributes, keyValues } from './attributes.ts'
import { pairsIn, textIn } from './destination.ts'
import type { KeyValue, Scope } from './messages.ts'

/** Who observed it. */
export const SCOPE: Scope = { name: 'remora', version: version() }

/** What a script says of whose telemetry it is. */
export interface ResourceOptions {
  readonly service?: string | undefined
  readonly resource?: Attributes | undefined
}

/**
 * Of what a script makes up itself: an instance of a service for each node and agent, so that sums of several of them are
 * never taken for one.
 */
export function ownResource(options: ResourceOptions, host: HelperHost): readonly KeyValue[] {
  return resourceOf(options, host, {
    'service.name': textIn(host.env, 'OTEL_SERVICE_NAME') ?? (host.otel.service || 'remora'),
    'service.instance.id': `${host.nodeName}-${host.runId}`,
    'remora.agent': host.agent.title,
  })
}

/** What the script says goes before `known`, and that before `OTEL_RESOURCE_ATTRIBUTES`. */
export function resourceOf(
  { service, resource }: ResourceOptions,
  { env, nodeName, component }: HelperHost,
  known: Attributes,
): readonly KeyValue[] {
  return keyValues({
    ...Object.fromEntries(pairsIn(textIn(env, 'OTEL_RESOURCE_ATTRIBUTES'))),
    ...(component === 'worker' ? { 'host.name': nodeName, 'k8s.node.name': nodeName } : {}),
    ...known,
    ...(service === undefined ? {} : { 'service.name': service }),
    ...resource,
  })
}
