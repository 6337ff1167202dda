import { Cursor } from './cursor.js';
import { bySplit, readPartition, readSplit, readTopic } from './kafka-split.js';
import type { Long } from './long.js';

/**
 * State of the coordinator of a `KafkaSource`: which partitions are known. The offsets in it (version 3) are those of
 * the moment of discovery, never the progress.
 */
export interface KafkaEnumerator {
  readonly coordinatorVersion: number;
  readonly enumeratorVersion: number;
  /** Bytes of the enumerator state. */
  readonly size: number;
  /** Bytes behind it; the coordinator of Flink 1.11 and 1.12 may write some. */
  readonly restBytes: number;
  /** Null where the version does not have it. */
  readonly initialDiscoveryFinished: boolean | null;
  /** By topic and partition. */
  readonly partitions: readonly EnumeratedPartition[];
}

export interface EnumeratedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Only in version 3 (connector 5.0) and 0 (Flink 1.12). */
  readonly startingOffset?: Long;
  readonly stoppingOffset?: Long | null;
  readonly status: 'ASSIGNED' | 'UNASSIGNED_INITIAL' | 'UNASSIGNED';
}

/** Reads the coordinator state of an operator. @throws FormatError when it is not that of a `KafkaSource` */
export function readKafkaEnumerator(bytes: Uint8Array): KafkaEnumerator {
  const cursor = new Cursor(bytes);
  const coordinatorVersion = cursor.i32('the version of the source coordinator');
  if (coordinatorVersion !== 0 && coordinatorVersion !== 1)
    throw cursor.error(
      'UnknownVersion',
      'a source coordinator of version 0 or 1',
      String(coordinatorVersion),
      0,
    );
  const enumeratorVersion = cursor.i32('the version of the enumerator');
  const size = cursor.count('the length of the enumerator state', 1);
  const body = new Cursor(cursor.take(size, 'the enumerator state'), cursor.position);
  const { partitions, initialDiscoveryFinished } = readBody(body, enumeratorVersion);
  body.expectEnd('the enumerator state');
  return {
    coordinatorVersion,
    enumeratorVersion,
    size,
    restBytes: cursor.remaining,
    initialDiscoveryFinished,
    partitions: [...partitions].sort(bySplit),
  };
}

type Body = Pick<KafkaEnumerator, 'partitions' | 'initialDiscoveryFinished'>;

function readBody(cursor: Cursor, version: number): Body {
  switch (version) {
    case 0:
      return { partitions: readAssignments(cursor), initialDiscoveryFinished: null };
    case 1:
      return { partitions: repeat(cursor, 6, readAssigned), initialDiscoveryFinished: null };
    case 2:
      return { partitions: repeat(cursor, 10, readWithStatus), initialDiscoveryFinished: cursor.u8() !== 0 };
    case 3: {
      const count = cursor.count('a number of partitions', 8);
      readSplitVersion(cursor);
      const partitions: EnumeratedPartition[] = [];
      for (let i = 0; i < count; i++) {
        const split = readLengthAndSplit(cursor);
        partitions.push({ ...split, status: readStatus(cursor, 'UNASSIGNED') });
      }
      return { partitions, initialDiscoveryFinished: cursor.u8() !== 0 };
    }
    default:
      throw cursor.error('UnknownVersion', 'an enumerator state of version 0 to 3', String(version), 0);
  }
}

function repeat<T>(cursor: Cursor, least: number, one: (cursor: Cursor) => T): readonly T[] {
  const count = cursor.count('a number of partitions', least);
  const all: T[] = [];
  for (let i = 0; i < count; i++) all.push(one(cursor));
  return all;
}

const readAssigned = (cursor: Cursor): EnumeratedPartition => ({
  topic: readTopic(cursor),
  partition: readPartition(cursor),
  status: 'ASSIGNED',
});

const readWithStatus = (cursor: Cursor): EnumeratedPartition => ({
  topic: readTopic(cursor),
  partition: readPartition(cursor),
  status: readStatus(cursor, 'UNASSIGNED_INITIAL'),
});

function readStatus(
  cursor: Cursor,
  unassigned: EnumeratedPartition['status'],
): EnumeratedPartition['status'] {
  const status = cursor.i32('an assignment status');
  if (status === 0) return 'ASSIGNED';
  if (status === 1) return unassigned;
  throw cursor.error('BadValue', 'an assignment status of 0 or 1', String(status), cursor.position - 4);
}

function readSplitVersion(cursor: Cursor): void {
  const version = cursor.i32('the version of the split serializer');
  if (version !== 0)
    throw cursor.error(
      'UnknownVersion',
      'version 0 of the Kafka split serializer',
      String(version),
      cursor.position - 4,
    );
}

function readLengthAndSplit(cursor: Cursor): ReturnType<typeof readSplit> {
  const length = cursor.count('the length of a split', 1);
  return readSplit(cursor, cursor.position + length);
}

/** Version 0 (Flink 1.12): the splits of each reader. */
function readAssignments(cursor: Cursor): readonly EnumeratedPartition[] {
  const readers = cursor.count('a number of readers', 8);
  if (readers > 0 || cursor.remaining >= 4) readSplitVersion(cursor);
  const all: EnumeratedPartition[] = [];
  for (let i = 0; i < readers; i++) {
    cursor.i32('a reader id');
    const splits = cursor.count('a number of splits', 4);
    for (let k = 0; k < splits; k++) all.push({ ...readLengthAndSplit(cursor), status: 'ASSIGNED' });
  }
  return all;
}
