import type { ApiTable } from './api.ts'

/** Idempotent producers and transactions. */
export const transactions: readonly ApiTable[] = [
  {
    key: 22,
    name: 'InitProducerId',
    newest: 6,
    flexible: 2,
    request: `
      transactionalID subject?
      transactionTimeoutMs int32
      producerId int64 3+
      producerEpoch int16 3+
      enable2Pc bool 6+
      keepPreparedTxn bool 6+`,
    response: `
      throttleTimeMs int32
      errorCode error
      producerId int64
      producerEpoch int16
      ongoingTxnProducerId int64 6+
      ongoingTxnProducerEpoch int16 6+`,
  },
  {
    key: 24,
    name: 'AddPartitionsToTxn',
    newest: 5,
    flexible: 3,
    request: `
      transactions [] 4+
        transactionalID subject
        producerId int64
        producerEpoch int16
        verifyOnly bool
        topics []
          name topic
          partitions []int32
      transactionalID subject 0-3
      producerId int64 0-3
      producerEpoch int16 0-3
      topics [] 0-3
        name topic
        partitions []int32`,
    response: `
      throttleTimeMs int32
      errorCode error 4+
      resultsByTransaction [] 4+
        transactionalID subject
        topicResults []
          name topic
          resultsByPartition []
            partitionIndex int32
            partitionErrorCode error
      resultsByTopic [] 0-3
        name topic
        resultsByPartition []
          partitionIndex int32
          partitionErrorCode error`,
  },
  {
    key: 25,
    name: 'AddOffsetsToTxn',
    newest: 4,
    flexible: 3,
    request: `
      transactionalID subject
      producerId int64
      producerEpoch int16
      groupId subject`,
    response: `
      throttleTimeMs int32
      errorCode error`,
  },
  {
    key: 26,
    name: 'EndTxn',
    newest: 5,
    flexible: 3,
    request: `
      transactionalID subject
      producerId int64
      producerEpoch int16
      committed bool`,
    response: `
      throttleTimeMs int32
      errorCode error
      producerId int64 5+
      producerEpoch int16 5+`,
  },
  {
    key: 27,
    name: 'WriteTxnMarkers',
    newest: 2,
    flexible: 1,
    request: `
      markers []
        producerId int64
        producerEpoch int16
        transactionResult bool
        topics []
          name topic
          partitionIndexes []int32
        coordinatorEpoch int32
        transactionVersion int8 2+`,
    response: `
      markers []
        producerId int64
        topics []
          name topic
          partitions []
            partitionIndex int32
            errorCode error`,
  },
  {
    key: 28,
    name: 'TxnOffsetCommit',
    newest: 5,
    flexible: 3,
    request: `
      transactionalID subject
      groupId subject
      producerId int64
      producerEpoch int16
      generationId int32 3+
      memberId string 3+
      groupInstanceId string? 3+
      topics []
        name topic
        partitions []
          partitionIndex int32
          committedOffset int64
          committedLeaderEpoch int32 2+
          committedMetadata string?`,
    response: `
      throttleTimeMs int32
      topics []
        name topic
        partitions []
          partitionIndex int32
          errorCode error`,
  },
  {
    key: 65,
    name: 'DescribeTransactions',
    newest: 0,
    flexible: 0,
    request: `
      transactionalIDs []subject`,
    response: `
      throttleTimeMs int32
      transactionStates []
        errorCode error
        transactionalID subject
        transactionState string
        transactionTimeoutMs int32
        transactionStartTimeMs int64
        producerId int64
        producerEpoch int16
        topics []
          topic topic
          partitions []int32`,
  },
  {
    key: 66,
    name: 'ListTransactions',
    newest: 2,
    flexible: 0,
    request: `
      stateFilters []string
      producerIdFilters []int64
      durationFilter int64 1+
      transactionalIDPattern string? 2+`,
    response: `
      throttleTimeMs int32
      errorCode error
      unknownStateFilters []string
      transactionStates []
        transactionalID subject
        producerId int64
        transactionState string`,
  },
]
