import type { ApiTable } from './api.ts'

/** Records and where they are: Produce, Fetch, offsets of partitions. */
export const data: readonly ApiTable[] = [
  {
    key: 0,
    name: 'Produce',
    newest: 13,
    flexible: 9,
    request: `
      transactionalID subject? 3+
      requiredAcks int16
      timeout int32
      topicData []
        topic topic 0-12
        topicID topicId 13+
        partitions []
          index int32
          records records`,
    response: `
      responses []
        name topic 0-12
        topicID topicId 13+
        partitionResponses []
          index int32
          errorCode error
          baseOffset int64
          logAppendTimeMs int64 2+
          logStartOffset int64 5+
          recordErrors [] 8+
            batchIndex int32
            batchIndexErrorMessage string?
          errorMessage string? 8+
          currentLeader {} 10+ tag 0
            leaderId int32
            leaderEpoch int32
      throttleTimeMs int32 1+
      nodeEndpoints [] 10+ tag 0
        nodeId int32
        host string
        port int32
        rack string?`,
  },
  {
    key: 1,
    name: 'Fetch',
    newest: 18,
    flexible: 12,
    request: `
      clusterID string? 12+ tag 0
      replicaId int32 0-14
      replicaState {} 15+ tag 1
        replicaId int32
        replicaEpoch int64
      maxWaitMs int32
      minBytes int32
      maxBytes int32 3+
      isolationLevel int8 4+
      sessionId int32 7+
      sessionEpoch int32 7+
      topics []
        topic topic 0-12
        topicID topicId 13+
        partitions []
          partition int32
          currentLeaderEpoch int32 9+
          fetchOffset int64
          lastFetchedEpoch int32 12+
          logStartOffset int64 5+
          partitionMaxBytes int32
          replicaDirectoryId uuid 17+ tag 0
          highWatermark int64 18+ tag 1
      forgottenTopicsData [] 7+
        topic topic 7-12
        topicID topicId 13+
        partitions []int32
      rackId string 11+`,
    response: `
      throttleTimeMs int32 1+
      errorCode error 7+
      sessionId int32 7+
      responses []
        topic topic 0-12
        topicID topicId 13+
        partitionResponses []
          partition int32
          errorCode error
          highWatermark int64
          lastStableOffset int64 4+
          logStartOffset int64 5+
          divergingEpoch {} 12+ tag 0
            epoch int32
            endOffset int64
          currentLeader {} 12+ tag 1
            leaderId int32
            leaderEpoch int32
          snapshotId {} 12+ tag 2
            endOffset int64
            epoch int32
          abortedTransactions []? 4+
            producerId int64
            firstOffset int64
          preferredReadReplica int32 11+
          recordSet records
      nodeEndpoints [] 16+ tag 0
        nodeId int32
        host string
        port int32
        rack string?`,
  },
  {
    key: 2,
    name: 'ListOffsets',
    newest: 11,
    flexible: 6,
    request: `
      replicaId int32
      isolationLevel int8 2+
      topics []
        name topic
        partitions []
          partitionIndex int32
          currentLeaderEpoch int32 4+
          timestamp int64
          maxNumOffsets int32 0
      timeoutMs int32 10+`,
    response: `
      throttleTimeMs int32 2+
      topics []
        name topic
        partitions []
          partitionIndex int32
          errorCode error
          oldStyleOffsets []int64 0
          timestamp int64 1+
          offset int64 1+
          leaderEpoch int32 4+`,
  },
  {
    key: 21,
    name: 'DeleteRecords',
    newest: 2,
    flexible: 2,
    request: `
      topics []
        name topic
        partitions []
          partitionIndex int32
          offset int64
      timeoutMs int32`,
    response: `
      throttleTimeMs int32
      topics []
        name topic
        partitions []
          partitionIndex int32
          lowWatermark int64
          errorCode error`,
  },
  {
    key: 23,
    name: 'OffsetForLeaderEpoch',
    newest: 4,
    flexible: 4,
    request: `
      replicaId int32 3+
      topics []
        topic topic
        partitions []
          partition int32
          currentLeaderEpoch int32 2+
          leaderEpoch int32`,
    response: `
      throttleTimeMs int32 2+
      topics []
        topic topic
        partitions []
          errorCode error
          partition int32
          leaderEpoch int32 1+
          endOffset int64`,
  },
  {
    key: 78,
    name: 'ShareFetch',
    newest: 2,
    flexible: 0,
    request: `
      groupId subject?
      memberId string?
      shareSessionEpoch int32
      maxWaitMs int32
      minBytes int32
      maxBytes int32
      maxRecords int32 1+
      batchSize int32 1+
      shareAcquireMode int8 2+
      isRenewAck bool 2+
      topics []
        topicID topicId
        partitions []
          partitionIndex int32
          partitionMaxBytes int32 0
          acknowledgementBatches []
            firstOffset int64
            lastOffset int64
            acknowledgeTypes []int8
      forgottenTopicsData []
        topicID topicId
        partitions []int32`,
    response: `
      throttleTimeMs int32
      errorCode error
      errorMessage string?
      acquisitionLockTimeoutMs int32 1+
      responses []
        topicID topicId
        partitions []
          partitionIndex int32
          errorCode error
          errorMessage string?
          acknowledgeErrorCode error
          acknowledgeErrorMessage string?
          currentLeader {}
            leaderId int32
            leaderEpoch int32
          recordSet records
          acquiredRecords []
            firstOffset int64
            lastOffset int64
            deliveryCount int16
      nodeEndpoints []
        nodeId int32
        host string
        port int32
        rack string?`,
  },
  {
    key: 79,
    name: 'ShareAcknowledge',
    newest: 2,
    flexible: 0,
    request: `
      groupId subject?
      memberId string?
      shareSessionEpoch int32
      isRenewAck bool 2+
      topics []
        topicID topicId
        partitions []
          partitionIndex int32
          acknowledgementBatches []
            firstOffset int64
            lastOffset int64
            acknowledgeTypes []int8`,
    response: `
      throttleTimeMs int32
      errorCode error
      errorMessage string?
      acquisitionLockTimeoutMs int32 2+
      responses []
        topicID topicId
        partitions []
          partitionIndex int32
          errorCode error
          errorMessage string?
          currentLeader {}
            leaderId int32
            leaderEpoch int32
      nodeEndpoints []
        nodeId int32
        host string
        port int32
        rack string?`,
  },
]
