import { gunzipSync } from 'node:zlib';
import { KafkaError } from './kafka-failure.js';

/** What Fetch (version 4) answered for one partition. */
export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly records: Buffer;
}

/** Reads an answer to Fetch, version 4. @throws RangeError when it is cut. */
export function readFetchAnswer(bytes: Buffer): readonly FetchedPartition[] {
  let at = 4; // the throttle time
  const int32 = () => bytes.readInt32BE((at += 4) - 4);
  const parts: FetchedPartition[] = [];
  for (let topics = int32(); topics > 0; topics--) {
    const length = bytes.readInt16BE(at);
    const topic = bytes.toString('utf8', at + 2, at + 2 + length);
    at += 2 + length;
    for (let partitions = int32(); partitions > 0; partitions--) {
      const partition = int32();
      const errorCode = bytes.readInt16BE(at);
      at += 2 + 8 + 8; // the error code, the end, the last stable offset
      const aborted = int32();
      at += Math.max(0, aborted) * 16;
      const size = Math.max(0, int32());
      if (at + size > bytes.length)
        throw new RangeError(`records of ${size} bytes in an answer of ${bytes.length}`);
      parts.push({ topic, partition, errorCode, records: bytes.subarray(at, at + size) });
      at += size;
    }
  }
  return parts;
}

/** The time of the first record at or after an offset; `further`: all that came lies before, go on from there. */
export type FirstTimestamp =
  | { readonly is: 'time'; readonly time: number; readonly transactional: boolean }
  | { readonly is: 'further'; readonly from: bigint }
  | { readonly is: 'none' };

const HEADER = 61;
const OLD_HEADER = 26;
/** No record that is looked at lies deeper in a batch than Kafka's own limit lets it. */
const UNPACKED_CAP = 32 * 1024 * 1024;

/** @throws KafkaError for records without timestamps (message format 0, before Kafka 0.10). */
export function firstTimestamp(records: Buffer, offset: bigint): FirstTimestamp {
  let from: bigint | null = null;
  for (let at = 0; at + 17 <= records.length;) {
    const end = at + 12 + records.readInt32BE(at + 8);
    if (end > records.length || end <= at + 12) break; // the broker cuts what does not fit
    const magic = records[at + 16];
    const batch = records.subarray(at, end);
    const found = magic === 2 ? inBatch(batch, offset) : inMessage(batch, magic ?? 0, offset);
    if (found.is === 'time') return found;
    if (found.is === 'further') from = found.from;
    at = end;
  }
  return from === null ? { is: 'none' } : { is: 'further', from };
}

function inMessage(message: Buffer, magic: number, offset: bigint): FirstTimestamp {
  const own = message.readBigInt64BE(0);
  if (own < offset) return { is: 'further', from: own + 1n };
  if (magic !== 1 || message.length < OLD_HEADER)
    throw new KafkaError('not-understood', `records of message format ${magic} have no timestamps`);
  return { is: 'time', time: Number(message.readBigInt64BE(18)), transactional: false };
}

function inBatch(batch: Buffer, offset: bigint): FirstTimestamp {
  if (batch.length < HEADER) return { is: 'none' };
  const base = batch.readBigInt64BE(0);
  const last = base + BigInt(batch.readInt32BE(23));
  if (last < offset) return { is: 'further', from: last + 1n };
  const attributes = batch.readInt16BE(21);
  // The end of a transaction is a batch of its own, and no record.
  if ((attributes & 0x20) !== 0) return { is: 'further', from: last + 1n };
  const transactional = (attributes & 0x10) !== 0;
  const baseTime = Number(batch.readBigInt64BE(27));
  const appendTime = (attributes & 0x08) !== 0;
  if (appendTime) return { is: 'time', time: Number(batch.readBigInt64BE(35)), transactional };
  const records = unpack(batch.subarray(HEADER), attributes & 0x07);
  if (records === null) return { is: 'time', time: baseTime, transactional };
  for (let at = 0; at < records.length;) {
    const length = varint(records, at);
    const time = varint(records, length.next + 1);
    const delta = varint(records, time.next);
    if (base + delta.value >= offset)
      return { is: 'time', time: baseTime + Number(time.value), transactional };
    at = length.next + Number(length.value);
  }
  // Compaction keeps the last offset of a batch whose last records it removed.
  return { is: 'further', from: last + 1n };
}

/** The records of a batch; null when they are compressed with a codec that Node does not have. */
function unpack(bytes: Buffer, codec: number): Buffer | null {
  if (codec === 0) return bytes;
  if (codec !== 1) return null;
  return gunzipSync(bytes, { maxOutputLength: UNPACKED_CAP });
}

/** Zigzag, as Kafka writes lengths and differences. */
function varint(bytes: Buffer, start: number): { readonly value: bigint; readonly next: number } {
  let raw = 0n;
  let at = start;
  for (let shift = 0n; ; shift += 7n) {
    const byte = bytes[at++];
    if (byte === undefined || shift > 63n) throw new RangeError(`a record that ends at byte ${at}`);
    raw |= BigInt(byte & 0x7f) << shift;
    if ((byte & 0x80) === 0) return { value: (raw >> 1n) ^ -(raw & 1n), next: at };
  }
}
