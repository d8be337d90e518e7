import { type ApiTable, NEVER } from './api.ts'

/** Groups of consumers, what they have read, and who coordinates them. */
export const groups: readonly ApiTable[] = [
  {
    key: 8,
    name: 'OffsetCommit',
    newest: 10,
    flexible: 8,
    request: `
      groupId subject
      generationId int32 1+
      memberId string 1+
      groupInstanceId string? 7+
      retentionTimeMs int64 2-4
      topics []
        name topic 0-9
        topicID topicId 10+
        partitions []
          partitionIndex int32
          committedOffset int64
          committedLeaderEpoch int32 6+
          commitTimestamp int64 1
          committedMetadata string?`,
    response: `
      throttleTimeMs int32 3+
      topics []
        name topic 0-9
        topicID topicId 10+
        partitions []
          partitionIndex int32
          errorCode error`,
  },
  {
    key: 9,
    name: 'OffsetFetch',
    newest: 10,
    flexible: 6,
    request: `
      groupId subject 0-7
      topics []?2+ 0-7
        name topic
        partitionIndexes []int32
      groups [] 8+
        groupId subject
        memberId string? 9+
        memberEpoch int32 9+
        topics []?
          name topic 8-9
          topicID topicId 10+
          partitionIndexes []int32
      requireStable bool 7+`,
    response: `
      throttleTimeMs int32 3+
      topics [] 0-7
        name topic
        partitions []
          partitionIndex int32
          committedOffset int64
          committedLeaderEpoch int32 5+
          metadata string?
          errorCode error
      errorCode error 2-7
      groups [] 8+
        groupId subject
        topics []
          name topic 8-9
          topicID topicId 10+
          partitions []
            partitionIndex int32
            committedOffset int64
            committedLeaderEpoch int32
            metadata string?
            errorCode error
        errorCode error`,
  },
  {
    key: 10,
    name: 'FindCoordinator',
    newest: 6,
    flexible: 3,
    request: `
      key subject 0-3
      keyType int8 1+
      coordinatorKeys []subject 4+`,
    response: `
      throttleTimeMs int32 1+
      errorCode error 0-3
      errorMessage string? 1-3
      nodeId int32 0-3
      host string 0-3
      port int32 0-3
      coordinators [] 4+
        key subject
        nodeId int32
        host string
        port int32
        errorCode error
        errorMessage string?`,
  },
  {
    key: 11,
    name: 'JoinGroup',
    newest: 9,
    flexible: 6,
    request: `
      groupId subject
      sessionTimeoutMs int32
      rebalanceTimeoutMs int32 1+
      memberId string
      groupInstanceId string? 5+
      protocolType string
      protocols []
        name string
        metadata subscription
      reason string? 8+`,
    response: `
      throttleTimeMs int32 2+
      errorCode error
      generationId int32
      protocolType string? 7+
      protocolName string?7+
      leader string
      skipAssignment bool 9+
      memberId string
      members []
        memberId string
        groupInstanceId string? 5+
        metadata subscription`,
  },
  {
    key: 12,
    name: 'Heartbeat',
    newest: 4,
    flexible: 4,
    request: `
      groupId subject
      generationId int32
      memberId string
      groupInstanceId string? 3+`,
    response: `
      throttleTimeMs int32 1+
      errorCode error`,
  },
  {
    key: 13,
    name: 'LeaveGroup',
    newest: 5,
    flexible: 4,
    request: `
      groupId subject
      memberId string 0-2
      members [] 3+
        memberId string
        groupInstanceId string?
        reason string? 5+`,
    response: `
      throttleTimeMs int32 1+
      errorCode error
      members [] 3+
        memberId string
        groupInstanceId string?
        errorCode error`,
  },
  {
    key: 14,
    name: 'SyncGroup',
    newest: 5,
    flexible: 4,
    request: `
      groupId subject
      generationId int32
      memberId string
      groupInstanceId string? 3+
      protocolType string? 5+
      protocolName string? 5+
      assignments []
        memberId string
        assignment assignment`,
    response: `
      throttleTimeMs int32 1+
      errorCode error
      protocolType string? 5+
      protocolName string? 5+
      assignment assignment`,
  },
  {
    key: 15,
    name: 'DescribeGroups',
    newest: 6,
    flexible: 5,
    request: `
      groups []subject
      includeAuthorizedOperations bool 3+`,
    response: `
      throttleTimeMs int32 1+
      groups []
        errorCode error
        errorMessage string? 6+
        groupId subject
        groupState string
        protocolType string
        protocolData string
        members []
          memberId string
          groupInstanceId string? 4+
          clientId string
          clientHost string
          memberMetadata subscription
          memberAssignment assignment
        authorizedOperations int32 3+`,
  },
  {
    key: 16,
    name: 'ListGroups',
    newest: 5,
    flexible: 3,
    request: `
      statesFilter []string 4+
      typesFilter []string 5+`,
    response: `
      throttleTimeMs int32 1+
      errorCode error
      groups []
        groupId subject
        protocolType string
        groupState string 4+
        groupType string 5+`,
  },
  {
    key: 42,
    name: 'DeleteGroups',
    newest: 3,
    flexible: 2,
    request: `
      groupsNames []subject`,
    response: `
      throttleTimeMs int32
      results []
        groupId subject
        errorCode error
        errorMessage string? 3+`,
  },
  {
    key: 47,
    name: 'OffsetDelete',
    newest: 0,
    flexible: NEVER,
    request: `
      groupId subject
      topics []
        name topic
        partitions []
          partitionIndex int32`,
    response: `
      errorCode error
      throttleTimeMs int32
      topics []
        name topic
        partitions []
          partitionIndex int32
          errorCode error`,
  },
  {
    key: 68,
    name: 'ConsumerGroupHeartbeat',
    newest: 1,
    flexible: 0,
    request: `
      groupId subject
      memberId string
      memberEpoch int32
      instanceId string?
      rackId string?
      rebalanceTimeoutMs int32
      subscribedTopicNames []topic?
      subscribedTopicRegex string? 1+
      serverAssignor string?
      topicPartitions []?
        topicID topicId
        partitions []int32`,
    response: `
      throttleTimeMs int32
      errorCode error
      errorMessage string?
      memberId string?
      memberEpoch int32
      heartbeatIntervalMs int32
      assignment {}?
        topicPartitions []
          topicID topicId
          partitions []int32`,
  },
  {
    key: 69,
    name: 'ConsumerGroupDescribe',
    newest: 1,
    flexible: 0,
    request: `
      groupIds []subject
      includeAuthorizedOperations bool`,
    response: `
      throttleTimeMs int32
      groups []
        errorCode error
        errorMessage string?
        groupId subject
        groupState string
        groupEpoch int32
        assignmentEpoch int32
        assignorName string
        members []
          memberId string
          instanceId string?
          rackId string?
          memberEpoch int32
          clientId string
          clientHost string
          subscribedTopicNames []topic
          subscribedTopicRegex string?
          assignment {}
            topicPartitions []
              topicID topicId
              topicName topic
              partitions []int32
          targetAssignment {}
            topicPartitions []
              topicID topicId
              topicName topic
              partitions []int32
          memberType int8 1+
        authorizedOperations int32`,
  },
  {
    key: 76,
    name: 'ShareGroupHeartbeat',
    newest: 1,
    flexible: 0,
    request: `
      groupId subject
      memberId string
      memberEpoch int32
      rackId string?
      subscribedTopicNames []topic?`,
    response: `
      throttleTimeMs int32
      errorCode error
      errorMessage string?
      memberId string?
      memberEpoch int32
      heartbeatIntervalMs int32
      assignment {}?
        topicPartitions []
          topicID topicId
          partitions []int32`,
  },
  {
    key: 77,
    name: 'ShareGroupDescribe',
    newest: 1,
    flexible: 0,
    request: `
      groupIds []subject
      includeAuthorizedOperations bool`,
    response: `
      throttleTimeMs int32
      groups []
        errorCode error
        errorMessage string?
        groupId subject
        groupState string
        groupEpoch int32
        assignmentEpoch int32
        assignorName string
        members []
          memberId string
          rackId string?
          memberEpoch int32
          clientId string
          clientHost string
          subscribedTopicNames []topic
          assignment {}
            topicPartitions []
              topicID topicId
              topicName topic
              partitions []int32
        authorizedOperations int32`,
  },
  { key: 88, name: 'StreamsGroupHeartbeat', newest: 0, flexible: 0 },
  { key: 89, name: 'StreamsGroupDescribe', newest: 0, flexible: 0 },
  { key: 90, name: 'DescribeShareGroupOffsets', newest: 1, flexible: 0 },
  { key: 91, name: 'AlterShareGroupOffsets', newest: 0, flexible: 0 },
  { key: 92, name: 'DeleteShareGroupOffsets', newest: 0, flexible: 0 },
  { key: 93, name: 'StreamsGroupTopologyDescriptionUpdate', newest: 0, flexible: 0 },
]
