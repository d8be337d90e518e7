import { IconAlertTriangleFilled } from '@tabler/icons-react'
import { Handle, type Node, type NodeProps, Position } from '@xyflow/react'
import { memo } from 'react'
import classes from './map.module.css'
import { formatPace, formatShare } from './numbers.ts'
import type { Service } from './service-graph.ts'

export type ServiceNodeType = Node<
  { readonly service: Service; readonly seconds: number; readonly isDimmed: boolean },
  'service'
>
export type BoxNodeType = Node<{ readonly title: string }, 'box'>

/** A service: what it is called, how often it is asked, and how often that fails. */
export const ServiceNode = memo(function ServiceNode({ data, selected }: NodeProps<ServiceNodeType>) {
  const { service, seconds, isDimmed } = data
  const { title, namespace, ends, asked, asks } = service
  const [first] = ends
  const below =
    namespace !== '' ? namespace : first?.name !== '' && ends.length === 1 ? (first?.ip ?? '') : ''
  const count = asked.count > 0 ? asked.count : asks.count
  return (
    <div
      className={classes.service}
      data-chosen={selected}
      data-dimmed={isDimmed}
      data-many={ends.length > 1}
      data-bad={asked.errors > 0}
    >
      <Handle type="target" position={Position.Left} className={classes.handle} isConnectable={false} />
      <span className={classes.title} title={title}>
        {title}
      </span>
      <span className={classes.below}>
        <span className={classes.namespace} title={below}>
          {below}
        </span>
        {asked.errors > 0 && (
          <span className={classes.bad}>
            <IconAlertTriangleFilled size={10} aria-hidden /> {formatShare(asked)}
          </span>
        )}
        <span>
          {asked.count > 0 ? '' : 'asks '}
          {formatPace(count, seconds)}
        </span>
      </span>
      <Handle type="source" position={Position.Right} className={classes.handle} isConnectable={false} />
    </div>
  )
})

/** What stands behind the services of a group. */
export const BoxNode = memo(function BoxNode({ data }: NodeProps<BoxNodeType>) {
  return (
    <div className={classes.box}>
      <span title={data.title}>{data.title}</span>
    </div>
  )
})
