import { present, type Reading } from '../domain/reading.js';
import type { Bounds } from './bounded-call.js';
import { GROUP_ID_NOT_FOUND, KafkaError, ofAnswer, UNKNOWN_TOPIC } from './kafka-failure.js';
import { readRanges } from './kafka-log.js';
import type { KafkaSession, KafkaSessions } from './kafka-session.js';
import type { GroupOffset, GroupState } from './ports.js';

/** State and committed offsets of a group. A group that does not exist is `Dead` and has neither. */
export async function readGroup(
  session: KafkaSession,
  group: string,
  topics: readonly string[],
): Promise<Reading<GroupState>> {
  const { state, members } = await describe(session, group);
  const metadata = topics.length === 0 ? null : await session.metadata(topics);
  const positions = topics.flatMap((topic) => {
    const entry = metadata?.topicMetadata.find((candidate) => candidate.topic === topic);
    if (entry === undefined)
      throw new KafkaError('unavailable', `the metadata for ${topic} is not complete`, topic);
    // Kafka forgets the offsets of a deleted topic: there is nothing to look at, and nothing is left out.
    if (entry.topicErrorCode === UNKNOWN_TOPIC) return [];
    const error = ofAnswer(entry.topicErrorCode, topic);
    if (error !== null) throw error;
    return entry.partitionMetadata.map(({ partitionId }) => ({ topic, partition: partitionId }));
  });
  const offsets = await committed(session, group, positions);
  return present({ state, members, offsets });
}

async function describe(
  session: KafkaSession,
  group: string,
): Promise<{ readonly state: string; readonly members: number }> {
  const coordinator = await session.coordinator(group);
  const { groups } = await coordinator.request('DescribeGroups', { groupIds: [group] });
  const found = groups.find(({ groupId }) => groupId === group);
  if (found === undefined)
    throw new KafkaError('unavailable', `no description came for group ${group}`, group);
  if (found.errorCode === GROUP_ID_NOT_FOUND) {
    await mustBeDead(session, group);
    return { state: 'Dead', members: 0 };
  }
  const error = ofAnswer(found.errorCode, `group ${group}`);
  if (error !== null) throw error;
  if (found.state === 'Dead') await mustBeDead(session, group);
  return { state: found.state, members: found.members.length };
}

/**
 * To the description that this client can ask for, a broker calls a group of the consumer protocol of Kafka 4 dead,
 * whatever its members. It still lists it.
 */
async function mustBeDead(session: KafkaSession, group: string): Promise<void> {
  const coordinator = await session.coordinator(group);
  const { errorCode, groups } = await coordinator.request('ListGroups', {});
  const error = ofAnswer(errorCode, `group ${group}`);
  if (error !== null) throw error;
  if (groups.some(({ groupId }) => groupId === group))
    throw new KafkaError(
      'unexpected',
      `group ${group} is there, but its members cannot be seen (group.protocol=consumer?)`,
      group,
    );
}

async function committed(
  session: KafkaSession,
  group: string,
  positions: readonly Position[],
): Promise<readonly GroupOffset[]> {
  if (positions.length === 0) return [];
  const coordinator = await session.coordinator(group);
  const answer = await coordinator.request('OffsetFetch', {
    groupId: group,
    topics: byTopic(positions, ({ partition }) => ({ partition })),
  });
  const failed = ofAnswer(answer.errorCode ?? 0, `group ${group}`);
  if (failed !== null) throw failed;
  const found = new Map<string, bigint>();
  for (const { topic, partitions } of answer.responses)
    for (const { partition, offset, errorCode } of partitions) {
      const error = ofAnswer(errorCode, `${topic}/${partition} of group ${group}`);
      if (error !== null) throw error;
      found.set(`${topic}/${partition}`, BigInt(offset));
    }
  return positions.flatMap((position) => {
    const offset = found.get(keyOf(position));
    if (offset === undefined)
      throw new KafkaError(
        'unavailable',
        `no offset came for ${keyOf(position)} of group ${group}`,
        keyOf(position),
      );
    return offset < 0n ? [] : [{ topic: position.topic, partition: position.partition, offset }];
  });
}

/**
 * Commits offsets as no member (generation -1), which the broker refuses while the group has a live one. Kafka stores
 * the good partitions of a request with a bad one, so all are checked before anything is sent. Whatever the answer, or
 * none, what is read back decides.
 */
export async function commitOffsets(
  sessions: KafkaSessions,
  bounds: Bounds,
  group: string,
  offsets: readonly GroupOffset[],
): Promise<void> {
  if (offsets.length === 0) return;
  await sessions(bounds, async (session) => {
    await checkRanges(session, offsets, bounds);
    const { members, state } = await describe(session, group);
    if (members > 0)
      throw new KafkaError('group-active', `group ${group} has ${members} live members (${state})`, group);
  });
  let doubt: KafkaError | null = null;
  try {
    await sessions(bounds, (session) => commitOnce(session, group, offsets));
  } catch (error) {
    if (!(error instanceof KafkaError) || error.kind !== 'in-doubt') throw error;
    doubt = error;
  }
  const stored = await sessions(bounds, (session) => committed(session, group, offsets));
  const found = new Map(stored.map((position) => [keyOf(position), position.offset]));
  for (const position of offsets) {
    const now = found.get(keyOf(position));
    if (now === position.offset) continue;
    if (doubt !== null) throw doubt;
    throw new KafkaError(
      now === undefined ? 'unavailable' : 'group-active',
      `${keyOf(position)} of group ${group} was set to ${position.offset} and reads ${now ?? 'nothing'}` +
        (now === undefined ? '' : ': somebody else commits'),
      keyOf(position),
    );
  }
}

async function checkRanges(
  session: KafkaSession,
  offsets: readonly GroupOffset[],
  bounds: Bounds,
): Promise<void> {
  const seen = new Set<string>();
  for (const topic of new Set(offsets.map((position) => position.topic))) {
    const ranges = await readRanges(session, topic, bounds);
    for (const position of offsets.filter((candidate) => candidate.topic === topic)) {
      const key = keyOf(position);
      if (seen.has(key)) throw new KafkaError('unexpected', `two offsets for ${key}`, key);
      seen.add(key);
      const range =
        ranges.is === 'present'
          ? ranges.value.find(({ partition }) => partition === position.partition)
          : undefined;
      if (range === undefined)
        throw new KafkaError('out-of-range', `${key} does not exist, nothing was committed`, key);
      if (position.offset < range.start || position.offset > range.end)
        throw new KafkaError(
          'out-of-range',
          `offset ${position.offset} of ${key} lies outside ${range.start} to ${range.end}, nothing was committed`,
          key,
        );
    }
  }
}

async function commitOnce(
  session: KafkaSession,
  group: string,
  offsets: readonly GroupOffset[],
): Promise<void> {
  const coordinator = await session.coordinator(group);
  const { responses } = await coordinator
    .request('OffsetCommit', {
      groupId: group,
      groupGenerationId: -1,
      memberId: '',
      topics: byTopic(offsets, ({ partition, offset }) => ({
        partition,
        offset: offset.toString(),
        metadata: null,
      })),
    })
    .catch((error: unknown) => {
      if (!(error instanceof KafkaError)) throw error;
      throw new KafkaError(
        'in-doubt',
        `the commit for group ${group} got no answer (${error.message}) and is not there`,
        group,
        error,
      );
    });
  for (const { topic, partitions } of responses)
    for (const { partition, errorCode } of partitions) {
      const error = ofAnswer(errorCode, `${topic}/${partition} of group ${group}`);
      if (error !== null) throw error;
    }
}

interface Position {
  readonly topic: string;
  readonly partition: number;
}

const keyOf = ({ topic, partition }: Position) => `${topic}/${partition}`;

function byTopic<P extends Position, T>(
  positions: readonly P[],
  part: (position: P) => T,
): readonly { readonly topic: string; readonly partitions: readonly T[] }[] {
  const topics = new Map<string, T[]>();
  for (const position of positions)
    topics.set(position.topic, [...(topics.get(position.topic) ?? []), part(position)]);
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
}
