import { type Layout, layoutOf, parseTable } from './table.ts'

/**
 * What members of a group tell each other in bytes that brokers pass on unread: which topics a consumer wants, and
 * which partitions it gets. By version (ConsumerProtocolSubscription.json, ConsumerProtocolAssignment.json); other
 * kinds of groups, such as those of Kafka Connect, have formats of their own.
 */
export const consumerLayouts: Readonly<Record<'subscription' | 'assignment', readonly Layout[]>> = {
  subscription: versionsOf(`
    topics []topic
    userData bytes?
    ownedPartitions [] 1+
      topic topic
      partitions []int32
    generationId int32 2+
    rackId string? 3+`),
  assignment: versionsOf(`
    assignedPartitions []
      topic topic
      partitions []int32
    userData bytes?`),
}

function versionsOf(table: string): Layout[] {
  const fields = parseTable(table)
  return [0, 1, 2, 3].map((version) => layoutOf(fields, version, false))
}
