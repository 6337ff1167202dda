import { connect, type Socket } from 'node:net';

/**
 * Reads a topic's log as Kafka's own consumer does: with `committed`, only records of committed transactions. kafkajs
 * 2.2.4 cannot be used for that: it expects the aborted transactions of a fetch in the order of their first offsets,
 * but the broker sends them in the order in which they ended, and then shows records of aborted ones.
 */
export interface LogReader {
  /** What became visible since the last call; waits up to 200 ms for more. */
  poll(): Promise<readonly LogRecord[]>;
  /** Whether everything that was readable at the last poll has been returned. */
  atEnd(): boolean;
  close(): void;
}

export interface LogRecord {
  readonly partition: number;
  readonly offset: number;
  readonly value: Buffer | undefined;
}

const FETCH = 1;
/** The oldest version that Kafka 4 serves, and the first one with transactions. */
const FETCH_VERSION = 4;
const MAX_WAIT_MS = 200;
const TIMEOUT_MS = 30_000;
const PARTITION_BYTES = 4 * 1024 * 1024;

interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

function take(cursor: Cursor, size: number): number {
  const { at } = cursor;
  if (at + size > cursor.bytes.length)
    throw new Error(`Kafka's answer ends at byte ${at}, ${size} more were expected`);
  cursor.at += size;
  return at;
}
const int8 = (cursor: Cursor): number => cursor.bytes.readInt8(take(cursor, 1));
const int16 = (cursor: Cursor): number => cursor.bytes.readInt16BE(take(cursor, 2));
const int32 = (cursor: Cursor): number => cursor.bytes.readInt32BE(take(cursor, 4));
const int64 = (cursor: Cursor): number => Number(cursor.bytes.readBigInt64BE(take(cursor, 8)));
const bytesOf = (cursor: Cursor, size: number): Buffer => {
  const at = take(cursor, size);
  return cursor.bytes.subarray(at, at + size);
};

/** A zigzag number of variable length. */
function varint(cursor: Cursor): number {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = cursor.bytes.readUInt8(take(cursor, 1));
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return Number((value >> 1n) ^ -(value & 1n));
  }
}

function varBytes(cursor: Cursor): Buffer | undefined {
  const size = varint(cursor);
  return size < 0 ? undefined : bytesOf(cursor, size);
}

interface Batch {
  readonly lastOffset: number;
  readonly producerId: number;
  readonly transactional: boolean;
  /** The end of a transaction. */
  readonly marker: 'commit' | 'abort' | undefined;
  readonly records: readonly Omit<LogRecord, 'partition'>[];
}

function readBatch(cursor: Cursor): Batch {
  const baseOffset = int64(cursor);
  const end = int32(cursor) + cursor.at;
  int32(cursor); // leader epoch
  const magic = int8(cursor);
  if (magic !== 2) throw new Error(`a record batch of version ${magic}, only 2 is known`);
  int32(cursor); // checksum
  const attributes = int16(cursor);
  if ((attributes & 0x07) !== 0)
    throw new Error('a compressed record batch: the sink of the stack does not compress');
  const lastOffset = baseOffset + int32(cursor);
  int64(cursor); // first and last timestamp
  int64(cursor);
  const producerId = int64(cursor);
  int16(cursor); // producer epoch
  int32(cursor); // sequence
  const control = (attributes & 0x20) !== 0;
  const records: Omit<LogRecord, 'partition'>[] = [];
  let marker: Batch['marker'];
  for (let left = int32(cursor); left > 0; left--) {
    const next = varint(cursor) + cursor.at;
    int8(cursor); // attributes
    varint(cursor); // timestamp
    const offset = baseOffset + varint(cursor);
    const key = varBytes(cursor);
    const value = varBytes(cursor);
    if (control) marker = key?.readInt16BE(2) === 1 ? 'commit' : 'abort';
    else records.push({ offset, value });
    cursor.at = next;
  }
  cursor.at = end;
  return { lastOffset, producerId, transactional: (attributes & 0x10) !== 0, marker, records };
}

/** The last batch of an answer may be cut. */
function readBatches(bytes: Buffer): readonly Batch[] {
  const cursor: Cursor = { bytes, at: 0 };
  const batches: Batch[] = [];
  while (bytes.length - cursor.at >= 12 && bytes.length - cursor.at >= 12 + bytes.readInt32BE(cursor.at + 8))
    batches.push(readBatch(cursor));
  return batches;
}

interface PartitionState {
  position: number;
  end: number;
  /** Records of open transactions by producer. */
  readonly open: Map<number, LogRecord[]>;
}

function visible(
  partition: number,
  state: PartitionState,
  batches: readonly Batch[],
  committed: boolean,
): LogRecord[] {
  const out: LogRecord[] = [];
  for (const batch of batches) {
    if (batch.lastOffset < state.position) continue;
    const records = batch.records
      .filter(({ offset }) => offset >= state.position)
      .map((record) => ({ ...record, partition }));
    state.position = batch.lastOffset + 1;
    if (!committed || !batch.transactional) {
      out.push(...records);
      continue;
    }
    const held = state.open.get(batch.producerId) ?? [];
    if (batch.marker === undefined) state.open.set(batch.producerId, [...held, ...records]);
    else state.open.delete(batch.producerId);
    if (batch.marker === 'commit') out.push(...held);
  }
  return out;
}

const string = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  const size = Buffer.alloc(2);
  size.writeInt16BE(bytes.length);
  return Buffer.concat([size, bytes]);
};
const numbers = (...of: readonly (readonly [size: 1 | 2 | 4 | 8, value: number])[]): Buffer =>
  Buffer.concat(
    of.map(([size, value]) => {
      const bytes = Buffer.alloc(size);
      if (size === 8) bytes.writeBigInt64BE(BigInt(value));
      else bytes.writeIntBE(value, 0, size);
      return bytes;
    }),
  );

function fetchRequest(
  topic: string,
  partitions: ReadonlyMap<number, PartitionState>,
  committed: boolean,
): Buffer {
  return Buffer.concat([
    numbers([2, FETCH], [2, FETCH_VERSION], [4, 0]),
    string('stack'),
    numbers([4, -1], [4, MAX_WAIT_MS], [4, 1], [4, 16 * PARTITION_BYTES], [1, committed ? 1 : 0], [4, 1]),
    string(topic),
    numbers([4, partitions.size]),
    ...[...partitions].map(([partition, { position }]) =>
      numbers([4, partition], [8, position], [4, PARTITION_BYTES]),
    ),
  ]);
}

function exchange(socket: Socket, request: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const fail = (error?: Error): void =>
      done(() => reject(error ?? new Error('Kafka closed the connection')));
    const onData = (data: Buffer): void => {
      answer = Buffer.concat([answer, data]);
      if (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) return;
      done(() => resolve(answer.subarray(4, 4 + answer.readInt32BE(0))));
    };
    const timer = setTimeout(() => fail(new Error(`Kafka did not answer in ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
    const onClose = (): void => fail();
    function done(end: () => void): void {
      clearTimeout(timer);
      socket.off('data', onData).off('error', fail).off('close', onClose);
      end();
    }
    socket.on('data', onData).on('error', fail).on('close', onClose);
    socket.write(Buffer.concat([numbers([4, request.length]), request]));
  });
}

/**
 * @param starts partition and first offset to read; with `committed` the start of the log, because the transactions
 *   before are not known
 */
export async function openLog(
  broker: string,
  topic: string,
  starts: ReadonlyMap<number, number>,
  committed: boolean,
): Promise<LogReader> {
  const [host, port] = broker.split(':');
  const socket = await new Promise<Socket>((resolve, reject) => {
    const fresh = connect({ host: host ?? '', port: Number(port), noDelay: true }, () => resolve(fresh));
    fresh.once('error', reject);
  });
  // Each exchange has its own listener; between two of them an error shows in the next.
  socket.on('error', () => undefined);
  const partitions = new Map<number, PartitionState>(
    [...starts].map(([partition, position]) => [partition, { position, end: -1, open: new Map() }]),
  );

  async function poll(): Promise<readonly LogRecord[]> {
    const cursor: Cursor = {
      bytes: await exchange(socket, fetchRequest(topic, partitions, committed)),
      at: 0,
    };
    int32(cursor); // correlation id
    int32(cursor); // throttle time
    const out: LogRecord[] = [];
    for (let topics = int32(cursor); topics > 0; topics--) {
      bytesOf(cursor, int16(cursor)); // the topic's name
      for (let left = int32(cursor); left > 0; left--) {
        const partition = int32(cursor);
        const error = int16(cursor);
        if (error !== 0) throw new Error(`Kafka answered error ${error} for ${topic}/${partition}`);
        const highWatermark = int64(cursor);
        const lastStable = int64(cursor);
        for (let aborted = int32(cursor); aborted > 0; aborted--) take(cursor, 16);
        const records = bytesOf(cursor, Math.max(0, int32(cursor)));
        const state = partitions.get(partition);
        if (state === undefined) continue;
        state.end = committed ? lastStable : highWatermark;
        out.push(...visible(partition, state, readBatches(records), committed));
      }
    }
    return out;
  }

  return {
    poll,
    atEnd: () => [...partitions.values()].every(({ position, end }) => end >= 0 && position >= end),
    close: () => socket.destroy(),
  };
}
