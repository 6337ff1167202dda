/**
 * Writes small `_metadata` files of format 3, as Flink 1.11 to 1.16 do: one Kafka source with its positions inline, one
 * operator with an exclusive and a shared state file. What the real reader makes of them is tested beside it.
 */

export interface SnapshotToWrite {
  readonly checkpointId: number;
  readonly topic: string;
  /** Next offset by partition. */
  readonly positions: readonly number[];
  readonly files: readonly [FileToWrite, FileToWrite];
}

export interface FileToWrite {
  readonly path: string;
  readonly length: number;
}

const i8 = (n: number): Buffer => Buffer.from([n]);
const i32 = (n: number): Buffer => {
  const b = Buffer.alloc(4);
  b.writeInt32BE(n);
  return b;
};
const i64 = (n: number | bigint): Buffer => {
  const b = Buffer.alloc(8);
  b.writeBigInt64BE(BigInt(n));
  return b;
};
const utf = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

const MAGIC = 0x4960672d;
/** No stopping offset: Flink's `Long.MIN_VALUE`. */
const NEVER = -(2n ** 63n);
const NOTHING = i8(0);
const NO_CHANNELS = Buffer.concat([i32(0), i32(0)]);

export function metadataBytes(snapshot: SnapshotToWrite): Uint8Array {
  return Buffer.concat([
    i32(MAGIC),
    i32(3),
    i64(snapshot.checkpointId),
    i32(0),
    i32(2),
    operator('a', [inlinePositions(snapshot.topic, snapshot.positions), NOTHING]),
    operator('b', snapshot.files.map(fileHandle) as [Buffer, Buffer]),
  ]);
}

/** An operator with one subtask: managed and raw operator state. */
function operator(digit: string, [managed, raw]: readonly [Buffer, Buffer]): Buffer {
  const group = (handle: Buffer): Buffer => (handle === NOTHING ? i32(0) : Buffer.concat([i32(1), handle]));
  const head = [Buffer.from(digit.repeat(32), 'hex'), i32(1), i32(128), NOTHING, i32(1), i32(0)];
  return Buffer.concat([...head, group(managed), group(raw), NOTHING, NOTHING, NO_CHANNELS]);
}

/** Operator state without list states, in one file. */
const fileHandle = ({ path, length }: FileToWrite): Buffer =>
  Buffer.concat([i8(4), i32(0), i8(2), i64(length), utf(path)]);

/** `SourceReaderState` with one split for each partition, inline. */
function inlinePositions(topic: string, positions: readonly number[]): Buffer {
  const version = i32(5);
  const elements = positions.map((next, partition) => {
    const split = Buffer.concat([utf(topic), i32(partition), i64(next), i64(NEVER)]);
    const inner = Buffer.concat([i32(0), i32(split.length), split]);
    return Buffer.concat([i32(inner.length), inner]);
  });
  let at = version.length;
  const offsets = elements.map((e) => {
    const offset = at;
    at += e.length;
    return i64(offset);
  });
  const state = Buffer.concat([version, ...elements]);
  const list = [utf('SourceReaderState'), i8(0), i32(offsets.length), ...offsets];
  return Buffer.concat([i8(4), i32(1), ...list, i8(1), utf('inline'), i32(state.length), state]);
}
