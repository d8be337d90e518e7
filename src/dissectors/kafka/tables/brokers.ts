import type { ApiTable } from './api.ts'

/** What brokers and controllers say among themselves; most of it is only named. */
export const brokers: readonly ApiTable[] = [
  { key: 4, name: 'LeaderAndIsr', newest: 7, flexible: 4 },
  { key: 5, name: 'StopReplica', newest: 4, flexible: 2 },
  { key: 6, name: 'UpdateMetadata', newest: 8, flexible: 6 },
  {
    key: 7,
    name: 'ControlledShutdown',
    newest: 3,
    flexible: 3,
    request: `
      brokerId int32
      brokerEpoch int64 2+`,
    response: `
      errorCode error
      remainingPartitions []
        topicName topic
        partitionIndex int32`,
  },
  { key: 52, name: 'Vote', newest: 2, flexible: 0 },
  { key: 53, name: 'BeginQuorumEpoch', newest: 1, flexible: 1 },
  { key: 54, name: 'EndQuorumEpoch', newest: 1, flexible: 1 },
  {
    key: 55,
    name: 'DescribeQuorum',
    newest: 2,
    flexible: 0,
    request: `
      topics []
        topicName topic
        partitions []
          partitionIndex int32`,
    response: `
      errorCode error
      errorMessage string? 2+
      topics []
        topicName topic
        partitions []
          partitionIndex int32
          errorCode error
          errorMessage string? 2+
          leaderId int32
          leaderEpoch int32
          highWatermark int64
          currentVoters []
            replicaId int32
            replicaDirectoryId uuid 2+
            logEndOffset int64
            lastFetchTimestamp int64 1+
            lastCaughtUpTimestamp int64 1+
          observers []
            replicaId int32
            replicaDirectoryId uuid 2+
            logEndOffset int64
            lastFetchTimestamp int64 1+
            lastCaughtUpTimestamp int64 1+
      nodes [] 2+
        nodeId int32
        listeners []
          name string
          host string
          port uint16`,
  },
  { key: 56, name: 'AlterPartition', newest: 3, flexible: 0 },
  { key: 58, name: 'Envelope', newest: 0, flexible: 0 },
  { key: 59, name: 'FetchSnapshot', newest: 1, flexible: 0 },
  { key: 62, name: 'BrokerRegistration', newest: 5, flexible: 0 },
  {
    key: 63,
    name: 'BrokerHeartbeat',
    newest: 1,
    flexible: 0,
    request: `
      brokerId int32
      brokerEpoch int64
      currentMetadataOffset int64
      wantFence bool
      wantShutDown bool
      offlineLogDirs []uuid 1+ tag 0`,
    response: `
      throttleTimeMs int32
      errorCode error
      isCaughtUp bool
      isFenced bool
      shouldShutDown bool`,
  },
  {
    key: 64,
    name: 'UnregisterBroker',
    newest: 0,
    flexible: 0,
    request: `
      brokerId int32`,
    response: `
      throttleTimeMs int32
      errorCode error
      errorMessage string?`,
  },
  { key: 67, name: 'AllocateProducerIds', newest: 0, flexible: 0 },
  { key: 70, name: 'ControllerRegistration', newest: 1, flexible: 0 },
  { key: 73, name: 'AssignReplicasToDirs', newest: 0, flexible: 0 },
  { key: 80, name: 'AddRaftVoter', newest: 1, flexible: 0 },
  { key: 81, name: 'RemoveRaftVoter', newest: 0, flexible: 0 },
  { key: 82, name: 'UpdateRaftVoter', newest: 0, flexible: 0 },
  { key: 83, name: 'InitializeShareGroupState', newest: 0, flexible: 0 },
  { key: 84, name: 'ReadShareGroupState', newest: 1, flexible: 0 },
  { key: 85, name: 'WriteShareGroupState', newest: 1, flexible: 0 },
  { key: 86, name: 'DeleteShareGroupState', newest: 0, flexible: 0 },
  { key: 87, name: 'ReadShareGroupStateSummary', newest: 1, flexible: 0 },
  { key: 94, name: 'UnregisterController', newest: 0, flexible: 0 },
]
