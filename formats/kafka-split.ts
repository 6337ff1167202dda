import type { Cursor } from './cursor.js';
import type { Long } from './long.js';

/** One partition as `KafkaSource` stores it. */
export interface KafkaSplit {
  readonly topic: string;
  readonly partition: number;
  /** In reader state the next offset to read; negative values are markers, see {@link startMarker}. */
  readonly startingOffset: Long;
  /** Null: none. -1 latest, -3 committed. */
  readonly stoppingOffset: Long | null;
}

const NO_OFFSET = -9223372036854775808n;
/** What stands in place of an offset; the source resolves it when it starts. */
export type KafkaMarker = 'earliest' | 'latest' | 'committed' | 'unset';

/** Kafka's own rule for topic names. */
const TOPIC = /^[a-zA-Z0-9._-]{1,249}$/;

/** `SourceReaderState` element: the length of the rest, a serializer version, the length of the split, the split. */
export function readSplitElement(cursor: Cursor): KafkaSplit {
  const length = cursor.count('the length of a split element', 1);
  const end = cursor.position + length;
  const version = cursor.i32('the version of the split serializer');
  if (version !== 0)
    throw cursor.error(
      'UnknownVersion',
      'version 0 of the Kafka split serializer',
      String(version),
      cursor.position - 4,
    );
  const inner = cursor.count('the length of a split', 1);
  if (cursor.position + inner !== end)
    throw cursor.error(
      'BadLength',
      `a split of ${end - cursor.position} bytes`,
      String(inner),
      cursor.position - 4,
    );
  return readSplit(cursor, end);
}

/** A split that must end at `end`. */
export function readSplit(cursor: Cursor, end: number): KafkaSplit {
  const topic = readTopic(cursor);
  const partition = readPartition(cursor);
  const startingOffset = cursor.i64('a starting offset');
  const stop = cursor.i64('a stopping offset');
  if (startingOffset < -3 && startingOffset !== NO_OFFSET)
    throw cursor.error('BadValue', 'an offset or a marker', String(startingOffset), cursor.position - 16);
  if (cursor.position !== end)
    throw cursor.error('TrailingBytes', 'the end of a Kafka split', `${end - cursor.position} more bytes`);
  // The source knows only these as a stop; everything else means none.
  const stoppingOffset = stop >= 0 || stop === -1 || stop === -3 ? stop : null;
  return { topic, partition, startingOffset, stoppingOffset };
}

export function readTopic(cursor: Cursor): string {
  const start = cursor.position;
  const topic = cursor.utf('a topic');
  if (!TOPIC.test(topic))
    throw cursor.error('BadValue', 'a topic name', JSON.stringify(topic.slice(0, 60)), start);
  return topic;
}

export function readPartition(cursor: Cursor): number {
  const partition = cursor.i32('a partition');
  if (partition < 0)
    throw cursor.error('BadValue', 'a partition >= 0', String(partition), cursor.position - 4);
  return partition;
}

/** The marker that a starting offset is; undefined for a real offset. */
export function startMarker(offset: Long): KafkaMarker | undefined {
  if (offset >= 0) return undefined;
  if (offset === -1) return 'latest';
  if (offset === -2) return 'earliest';
  return offset === -3 ? 'committed' : 'unset';
}

/** As the connector's tests sort: by topic, then by partition. */
export const bySplit = (
  a: { readonly topic: string; readonly partition: number },
  b: { readonly topic: string; readonly partition: number },
): number => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition);
