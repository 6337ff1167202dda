import { absent, present, type Reading } from '../domain/reading.js';
import type { Bounds } from './bounded-call.js';
import { KafkaError, ofAnswer } from './kafka-failure.js';
import { byLeader, LATEST, listOffsets, partitionsOf } from './kafka-log.js';
import { firstTimestamp, readFetchAnswer } from './kafka-records.js';
import type { KafkaSession } from './kafka-session.js';
import type { GroupOffset, RecordTime } from './ports.js';

/** One position on its way: where to look next, and where the log ends. */
interface Search {
  readonly key: string;
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly end: bigint;
  readonly found: (record: { readonly time: number; readonly transactional: boolean }) => void;
}

/** Bytes asked for per partition: the first record of most batches. */
const PART = 64 * 1024;
/** Bytes asked for at once; the broker sends one whole batch at least, however long it is. */
const FETCH = 1024 * 1024;

/**
 * Record timestamps. Of a batch that is compressed with a codec that Node does not have, the timestamp of its first
 * record is taken: in practice the record's own or a little earlier, which is the careful side for the question how
 * long a record stays.
 */
export async function readTimestamps(
  session: KafkaSession,
  at: readonly GroupOffset[],
  bounds: Bounds,
): Promise<Reading<readonly RecordTime[]>> {
  const records: (Pick<RecordTime, 'time' | 'transactional'> | undefined)[] = [];
  const leaders = new Map<number, Search[]>();
  for (const topic of new Set(at.map((position) => position.topic))) {
    const all = await partitionsOf(session, topic, bounds);
    if (all === null) return absent;
    const asked = new Set(
      at.filter((position) => position.topic === topic).map(({ partition }) => partition),
    );
    const partitions = all.filter(({ partitionId }) => asked.has(partitionId));
    for (const partition of asked)
      if (!partitions.some(({ partitionId }) => partitionId === partition))
        throw new KafkaError('out-of-range', `${topic}/${partition} does not exist`, `${topic}/${partition}`);
    const ends = await listOffsets(session, topic, partitions, LATEST);
    for (const [leader, ids] of byLeader(topic, partitions)) {
      const searches = leaders.get(leader) ?? [];
      leaders.set(leader, searches);
      for (const [index, { partition, offset, topic: own }] of at.entries()) {
        if (own !== topic || !ids.includes(partition)) continue;
        const key = `${topic}/${partition}`;
        const end = ends.get(partition) as bigint;
        if (offset > end)
          throw new KafkaError('beyond-end', `${key} ends at ${end}, before the asked offset ${offset}`, key);
        const found: Search['found'] = (record) => {
          records[index] = record;
        };
        if (offset < end) searches.push({ key, topic, partition, from: offset, end, found });
      }
    }
  }
  await Promise.all(
    [...leaders].map(async ([leader, searches]) => {
      for (let open = searches; open.length > 0;) open = await fetchOnce(session, leader, open);
    }),
  );
  return present(
    at.map(({ topic, partition }, index) => {
      const { time, transactional } = records[index] ?? { time: null, transactional: false };
      return { topic, partition, time, transactional };
    }),
  );
}

/** Fetches once, hands out the timestamps that came, and returns the searches that are still open. */
async function fetchOnce(session: KafkaSession, leader: number, open: readonly Search[]): Promise<Search[]> {
  // A partition may stand only once in a request.
  const now = new Map<string, Search>();
  for (const search of open) if (!now.has(search.key)) now.set(search.key, search);
  const later = open.filter((search) => now.get(search.key) !== search);
  const broker = await session.node(leader);
  const answer = await broker.request('Fetch', {
    isolationLevel: 0,
    maxWaitTime: 100,
    minBytes: 1,
    maxBytes: FETCH,
    topics: [...now.values()].map(({ topic, partition, from }) => ({
      topic,
      partitions: [{ partition, fetchOffset: from.toString(), maxBytes: PART }],
    })),
  });
  const parts = new Map(readFetchAnswer(answer).map((part) => [`${part.topic}/${part.partition}`, part]));
  // The broker fills an answer from the front: what gets nothing now comes first next time.
  const empty: Search[] = [];
  const further: Search[] = [];
  for (const search of now.values()) {
    const part = parts.get(search.key);
    if (part === undefined)
      throw new KafkaError('unavailable', `no records came for ${search.key}`, search.key);
    const error = ofAnswer(part.errorCode, `offset ${search.from} of ${search.key}`);
    if (error !== null) throw error;
    const found = firstTimestamp(part.records, search.from);
    if (found.is === 'time') search.found(found);
    else if (found.is === 'none') empty.push(search);
    else if (found.from < search.end) further.push({ ...search, from: found.from });
  }
  if (empty.length === now.size)
    throw new KafkaError('unavailable', `no records came for ${[...now.keys()].join(', ')}`);
  return [...empty, ...further, ...later];
}
