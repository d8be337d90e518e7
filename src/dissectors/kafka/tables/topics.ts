import type { ApiTable } from './api.ts'

/** Topics, their partitions, and the brokers that have them. */
export const topics: readonly ApiTable[] = [
  {
    key: 3,
    name: 'Metadata',
    newest: 13,
    flexible: 9,
    request: `
      topics []?1+
        topicID topicId 10+
        name topic?10+
      allowAutoTopicCreation bool 4+
      includeClusterAuthorizedOperations bool 8-10
      includeTopicAuthorizedOperations bool 8+`,
    response: `
      throttleTimeMs int32 3+
      brokers []
        nodeId int32
        host string
        port int32
        rack string? 1+
      clusterID string? 2+
      controllerID int32 1+
      topics []
        errorCode error
        name topic?12+
        topicID topicId 10+
        isInternal bool 1+
        partitions []
          errorCode error
          partitionIndex int32
          leaderId int32
          leaderEpoch int32 7+
          replicaNodes []int32
          isrNodes []int32
          offlineReplicas []int32 5+
        topicAuthorizedOperations int32 8+
      clusterAuthorizedOperations int32 8-10
      errorCode error 13+`,
  },
  {
    key: 19,
    name: 'CreateTopics',
    newest: 7,
    flexible: 5,
    request: `
      topics []
        name topic
        numPartitions int32
        replicationFactor int16
        assignments []
          partitionIndex int32
          brokerIds []int32
        configs []
          name string
          value config?
      timeoutMs int32
      validateOnly bool 1+`,
    response: `
      throttleTimeMs int32 2+
      topics []
        name topic
        topicID topicId 7+
        errorCode error
        errorMessage string? 1+
        topicConfigErrorCode error 5+ tag 0
        numPartitions int32 5+
        replicationFactor int16 5+
        configs []? 5+
          name string
          value config?
          readOnly bool
          configSource int8
          isSensitive bool`,
  },
  {
    key: 20,
    name: 'DeleteTopics',
    newest: 6,
    flexible: 4,
    request: `
      topics [] 6+
        name topic?
        topicID topicId
      topicNames []topic 0-5
      timeoutMs int32`,
    response: `
      throttleTimeMs int32 1+
      responses []
        name topic?6+
        topicID topicId 6+
        errorCode error
        errorMessage string? 5+`,
  },
  {
    key: 37,
    name: 'CreatePartitions',
    newest: 3,
    flexible: 2,
    request: `
      topics []
        name topic
        count int32
        assignments []?
          brokerIds []int32
      timeoutMs int32
      validateOnly bool`,
    response: `
      throttleTimeMs int32
      results []
        name topic
        errorCode error
        errorMessage string?`,
  },
  {
    key: 43,
    name: 'ElectLeaders',
    newest: 2,
    flexible: 2,
    request: `
      electionType int8 1+
      topicPartitions []?
        topic topic
        partitions []int32
      timeoutMs int32`,
    response: `
      throttleTimeMs int32
      errorCode error 1+
      replicaElectionResults []
        topic topic
        partitionResult []
          partitionId int32
          errorCode error
          errorMessage string?`,
  },
  {
    key: 45,
    name: 'AlterPartitionReassignments',
    newest: 1,
    flexible: 0,
    request: `
      timeoutMs int32
      allowReplicationFactorChange bool 1+
      topics []
        name topic
        partitions []
          partitionIndex int32
          replicas []int32?`,
    response: `
      throttleTimeMs int32
      allowReplicationFactorChange bool 1+
      errorCode error
      errorMessage string?
      responses []
        name topic
        partitions []
          partitionIndex int32
          errorCode error
          errorMessage string?`,
  },
  {
    key: 46,
    name: 'ListPartitionReassignments',
    newest: 0,
    flexible: 0,
    request: `
      timeoutMs int32
      topics []?
        name topic
        partitionIndexes []int32`,
    response: `
      throttleTimeMs int32
      errorCode error
      errorMessage string?
      topics []
        name topic
        partitions []
          partitionIndex int32
          replicas []int32
          addingReplicas []int32
          removingReplicas []int32`,
  },
  {
    key: 60,
    name: 'DescribeCluster',
    newest: 2,
    flexible: 0,
    request: `
      includeClusterAuthorizedOperations bool
      endpointType int8 1+
      includeFencedBrokers bool 2+`,
    response: `
      throttleTimeMs int32
      errorCode error
      errorMessage string?
      endpointType int8 1+
      clusterID string
      controllerID int32
      brokers []
        brokerId int32
        host string
        port int32
        rack string?
        isFenced bool 2+
      clusterAuthorizedOperations int32`,
  },
  {
    key: 61,
    name: 'DescribeProducers',
    newest: 0,
    flexible: 0,
    request: `
      topics []
        name topic
        partitionIndexes []int32`,
    response: `
      throttleTimeMs int32
      topics []
        name topic
        partitions []
          partitionIndex int32
          errorCode error
          errorMessage string?
          activeProducers []
            producerId int64
            producerEpoch int32
            lastSequence int32
            lastTimestamp int64
            coordinatorEpoch int32
            currentTxnStartOffset int64`,
  },
  {
    key: 75,
    name: 'DescribeTopicPartitions',
    newest: 0,
    flexible: 0,
    request: `
      topics []
        name topic
      responsePartitionLimit int32
      cursor {}?
        topicName topic
        partitionIndex int32`,
    response: `
      throttleTimeMs int32
      topics []
        errorCode error
        name topic?
        topicID topicId
        isInternal bool
        partitions []
          errorCode error
          partitionIndex int32
          leaderId int32
          leaderEpoch int32
          replicaNodes []int32
          isrNodes []int32
          eligibleLeaderReplicas []int32?
          lastKnownElr []int32?
          offlineReplicas []int32
        topicAuthorizedOperations int32
      nextCursor {}?
        topicName topic
        partitionIndex int32`,
  },
]
