import { absent, present, type Reading } from '../domain/reading.js';
import type { Bounds } from './bounded-call.js';
import { KafkaError, ofAnswer, UNKNOWN_TOPIC } from './kafka-failure.js';
import type { KafkaSession } from './kafka-session.js';
import type { PartitionMetadata } from './kafka-wire.js';
import type { GroupOffset, PartitionRange, TopicSettings } from './ports.js';

/** Between the two metadata answers that both have to say that a topic is not there. */
const CONFIRM_AFTER = 200;
const EARLIEST = -2n;
export const LATEST = -1n;
/** Of `kafka.common.resource.ResourceType`. */
const TOPIC = 2;

/**
 * The partitions of a topic; null only when two complete metadata answers, from two brokers where there are two, do
 * not know it.
 */
export async function partitionsOf(
  session: KafkaSession,
  topic: string,
  bounds: Bounds,
): Promise<readonly PartitionMetadata[] | null> {
  for (let confirming = false; ; confirming = true) {
    const metadata = await session.metadata([topic], confirming);
    const found = metadata.topicMetadata.find((entry) => entry.topic === topic);
    if (found === undefined || metadata.brokers.length === 0 || metadata.controllerId < 0)
      throw new KafkaError('unavailable', `the metadata for ${topic} is not complete`, topic);
    if (found.topicErrorCode !== UNKNOWN_TOPIC) {
      const error = ofAnswer(found.topicErrorCode, topic);
      if (error !== null) throw error;
      if (found.partitionMetadata.length === 0)
        throw new KafkaError('unavailable', `the metadata for ${topic} has no partitions`, topic);
      return [...found.partitionMetadata].sort((a, b) => a.partitionId - b.partitionId);
    }
    if (confirming) return null;
    await bounds.sleep(CONFIRM_AFTER);
  }
}

/** Partitions by the node that leads them. @throws KafkaError when one has no leader. */
export function byLeader(
  topic: string,
  partitions: readonly PartitionMetadata[],
): ReadonlyMap<number, readonly number[]> {
  const leaders = new Map<number, number[]>();
  for (const { partitionId, partitionErrorCode, leader } of partitions) {
    // REPLICA_NOT_AVAILABLE (9) is about a follower: the leader serves all the same.
    const error = partitionErrorCode === 9 ? null : ofAnswer(partitionErrorCode, `${topic}/${partitionId}`);
    if (error !== null) throw error;
    if (leader < 0)
      throw new KafkaError('unavailable', `${topic}/${partitionId} has no leader`, `${topic}/${partitionId}`);
    leaders.set(leader, [...(leaders.get(leader) ?? []), partitionId]);
  }
  return leaders;
}

/**
 * One offset per partition: EARLIEST, LATEST or the first at or after a time (-1 where there is none). Read
 * uncommitted: the default of the client would answer with the last stable offset, which an open transaction holds
 * back.
 */
export async function listOffsets(
  session: KafkaSession,
  topic: string,
  partitions: readonly PartitionMetadata[],
  timestamp: bigint,
): Promise<ReadonlyMap<number, bigint>> {
  const offsets = new Map<number, bigint>();
  await Promise.all(
    [...byLeader(topic, partitions)].map(async ([leader, ids]) => {
      const broker = await session.node(leader);
      const answer = await broker.request('ListOffsets', {
        isolationLevel: 0,
        topics: [
          { topic, partitions: ids.map((partition) => ({ partition, timestamp: timestamp.toString() })) },
        ],
      });
      for (const entry of answer.responses)
        for (const { partition, errorCode, offset } of entry.partitions) {
          const error = ofAnswer(errorCode, `${topic}/${partition}`);
          if (error !== null) throw error;
          offsets.set(partition, BigInt(offset));
        }
    }),
  );
  for (const { partitionId } of partitions)
    if (!offsets.has(partitionId))
      throw new KafkaError(
        'unavailable',
        `no offset came for ${topic}/${partitionId}`,
        `${topic}/${partitionId}`,
      );
  return offsets;
}

export async function readRanges(
  session: KafkaSession,
  topic: string,
  bounds: Bounds,
): Promise<Reading<readonly PartitionRange[]>> {
  const partitions = await partitionsOf(session, topic, bounds);
  if (partitions === null) return absent;
  const starts = await listOffsets(session, topic, partitions, EARLIEST);
  const ends = await listOffsets(session, topic, partitions, LATEST);
  return present(
    partitions.map(({ partitionId: partition }) => ({
      topic,
      partition,
      start: starts.get(partition) as bigint,
      end: ends.get(partition) as bigint,
    })),
  );
}

export async function readOffsetsAt(
  session: KafkaSession,
  topic: string,
  time: number,
  bounds: Bounds,
): Promise<Reading<readonly GroupOffset[]>> {
  const partitions = await partitionsOf(session, topic, bounds);
  if (partitions === null) return absent;
  // The end first: a record that arrives in between is found by its time, and no offset lies beyond what was the end.
  const ends = await listOffsets(session, topic, partitions, LATEST);
  const found = await listOffsets(session, topic, partitions, BigInt(Math.max(0, Math.trunc(time))));
  return present(
    partitions.map(({ partitionId: partition }) => {
      const offset = found.get(partition) as bigint;
      return { topic, partition, offset: offset < 0n ? (ends.get(partition) as bigint) : offset };
    }),
  );
}

export async function readSettings(
  session: KafkaSession,
  topic: string,
  bounds: Bounds,
): Promise<Reading<TopicSettings>> {
  const partitions = await partitionsOf(session, topic, bounds);
  if (partitions === null) return absent;
  const broker = await session.node(partitions[0]?.leader ?? -1);
  const { resources } = await broker.request('DescribeConfigs', {
    resources: [
      { type: TOPIC, name: topic, configNames: ['retention.ms', 'retention.bytes', 'cleanup.policy'] },
    ],
  });
  const resource = resources.find(({ resourceName }) => resourceName === topic);
  const error = resource === undefined ? null : ofAnswer(resource.errorCode, topic);
  if (error !== null) throw error;
  const value = (name: string) =>
    resource?.configEntries.find(({ configName }) => configName === name)?.configValue;
  const retentionMs = value('retention.ms');
  const retentionBytes = value('retention.bytes');
  const policy = value('cleanup.policy');
  if (!retentionMs || !retentionBytes || !policy)
    throw new KafkaError('unavailable', `the settings of ${topic} are not complete`, topic);
  const policies = policy.split(',').map((part) => part.trim());
  // Without `delete` Kafka applies neither limit.
  const limit = (text: string) => (!policies.includes('delete') || Number(text) < 0 ? null : Number(text));
  return present({
    retentionMs: limit(retentionMs),
    retentionBytes: limit(retentionBytes),
    compacted: policies.includes('compact'),
  });
}
