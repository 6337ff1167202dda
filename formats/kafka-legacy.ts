import type { Cursor } from './cursor.js';
import { fieldOf, objectOf, readJavaObject } from './java-stream.js';
import { long, type Long } from './long.js';

/** One partition as `FlinkKafkaConsumer` stores it. */
export interface LegacyPosition {
  readonly topic: string;
  readonly partition: number;
  /** The last record that was processed: reading resumes behind it. Markers are below -1. */
  readonly offset: Long;
}

/** An element of `topic-partition-offset-states`: a Kryo object, then the offset. @throws FormatError */
export function readKryoPosition(cursor: Cursor): LegacyPosition {
  const start = cursor.position;
  const classId = varint(cursor);
  if (classId === 0) throw cursor.error('MissingValue', 'a topic partition', 'null', start);
  // 1: a class that is not registered, by its name; Kryo writes the name once for each element's stream.
  if (classId === 1) {
    if (varint(cursor) !== 0)
      throw cursor.error('BadValue', 'the first class name of an element', 'a reference', start);
    const name = kryoString(cursor);
    if (
      !/^org\.apache\.flink\.streaming\.connectors\.kafka\.internals\.KafkaTopicPartition$/.test(name ?? '')
    )
      throw cursor.error('BadValue', 'the class KafkaTopicPartition', String(name), start);
  }
  expectNew(cursor, 'a topic partition');
  const hash = zigzag(varint(cursor));
  const partition = zigzag(varint(cursor));
  expectNew(cursor, 'a topic');
  const topic = kryoString(cursor);
  if (topic === null) throw cursor.error('MissingValue', 'a topic', 'null');
  const expected = (Math.imul(31, javaHash(topic)) + partition) | 0;
  // The cached hash is redundant, and so a check that these bytes are what they are taken for.
  if (hash !== expected)
    throw cursor.error('Mismatch', `the hash ${expected} of ${topic}/${partition}`, String(hash), start);
  return { topic, partition, offset: cursor.i64('an offset') };
}

/** An element of `_default_` in Flink 1.3: a Java object stream of a tuple. @throws FormatError */
export function readJavaPosition(cursor: Cursor): LegacyPosition {
  const start = cursor.position;
  const tuple = objectOf(readJavaObject(cursor), 'org.apache.flink.api.java.tuple.Tuple2');
  const partition =
    tuple &&
    objectOf(
      fieldOf(tuple, 'f0'),
      'org.apache.flink.streaming.connectors.kafka.internals.KafkaTopicPartition',
    );
  const boxed = tuple && objectOf(fieldOf(tuple, 'f1'), 'java.lang.Long');
  const topic = partition && fieldOf(partition, 'topic');
  const number = partition && fieldOf(partition, 'partition');
  const offset = boxed && fieldOf(boxed, 'value');
  if (typeof topic !== 'string' || typeof number !== 'number' || typeof offset !== 'bigint')
    throw cursor.error(
      'BadJavaStream',
      'a tuple of a topic partition and an offset',
      'another object',
      start,
    );
  return { topic, partition: number, offset: long(offset) };
}

/** Markers of `KafkaTopicPartitionStateSentinel`; -1 is none of them: it means "before the first record". */
export const LEGACY_MARKERS: ReadonlyMap<number, 'unset' | 'earliest' | 'latest' | 'committed'> = new Map([
  [-915623761776, 'unset'],
  [-915623761775, 'earliest'],
  [-915623761774, 'latest'],
  [-915623761773, 'committed'],
]);

function expectNew(cursor: Cursor, what: string): void {
  const marker = varint(cursor);
  if (marker !== 1)
    throw cursor.error('BadValue', `${what} (reference marker 1)`, `marker ${marker}`, cursor.position - 1);
}

/** Up to five bytes of seven bits, low group first. As a signed 32-bit number. */
function varint(cursor: Cursor): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = cursor.u8('a number');
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw cursor.error('BadLength', 'a number of at most five bytes', 'more');
}

const zigzag = (value: number): number => (value >>> 1) ^ -(value & 1);

function javaHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0;
  return hash;
}

/** Kryo 2's string: plain ASCII with a mark on the last character, or a count and characters. */
function kryoString(cursor: Cursor): string | null {
  const first = cursor.u8('a string');
  if (first < 0x80) {
    const units = [first];
    for (;;) {
      if (units.length > 64) throw cursor.error('BadLength', 'at most 63 characters', 'more');
      const byte = cursor.u8('a string');
      units.push(byte & 0x7f);
      if (byte >= 0x80) return String.fromCharCode(...units);
    }
  }
  let length = first & 0x3f;
  if ((first & 0x40) !== 0)
    for (let shift = 6; ; shift += 7) {
      const byte = cursor.u8('a string length');
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
      if (shift > 27) throw cursor.error('BadLength', 'a string length of at most five bytes', 'more');
    }
  if (length === 0) return null;
  const characters = length - 1;
  if (characters > cursor.remaining)
    throw cursor.error(
      'BadLength',
      `a string that fits in the ${cursor.remaining} bytes left`,
      String(characters),
    );
  let text = '';
  for (let i = 0; i < characters; i++) text += String.fromCharCode(kryoCharacter(cursor));
  return text;
}

function kryoCharacter(cursor: Cursor): number {
  const a = cursor.u8('a character');
  switch (a >> 4) {
    case 12:
    case 13:
      return ((a & 0x1f) << 6) | (cursor.u8() & 0x3f);
    case 14:
      return ((a & 0x0f) << 12) | ((cursor.u8() & 0x3f) << 6) | (cursor.u8() & 0x3f);
    default:
      return a;
  }
}
