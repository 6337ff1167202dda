import { createHash } from 'node:crypto';
import { Cursor } from './cursor.js';
import { FormatError } from './format-error.js';
import type { Long } from './long.js';
import type { ChannelHandle, MergedChannel } from './snapshot.js';
import { readStream, requireStream, type Reader } from './stream-handle.js';

type Direction = 'input' | 'result';
const NONE: readonly never[] = [];

/** In-flight data of an unaligned checkpoint: one list for each direction. */
export function readChannelHandles(reader: Reader, direction: Direction): readonly ChannelHandle[] {
  const { cursor } = reader;
  const count = cursor.i32(`a number of ${direction} channel handles`);
  if (count <= 0) return NONE; // Flink takes a negative count for 0
  if (count > cursor.remaining)
    throw cursor.error(
      'BadLength',
      `a number of ${direction} channel handles that fits in the ${cursor.remaining} bytes left`,
      String(count),
      cursor.position - 4,
    );
  const handles: ChannelHandle[] = [];
  for (let i = 0; i < count; i++) handles.push(readChannelHandle(reader, direction));
  return handles;
}

function readChannelHandle(reader: Reader, direction: Direction): ChannelHandle {
  const { cursor } = reader;
  if (reader.formatVersion < 6) return readSingle(reader, direction);
  const [single, merged] = direction === 'input' ? [1, 3] : [2, 4];
  const tag = cursor.u8('the type of a channel handle');
  if (tag === single) return readSingle(reader, direction);
  if (tag === merged) return readMerged(reader, direction);
  throw cursor.error(
    'UnknownTag',
    `an ${direction} channel handle (type ${single} or ${merged})`,
    `type ${tag}`,
    cursor.position - 1,
  );
}

function readSingle(reader: Reader, direction: Direction): ChannelHandle {
  const { cursor } = reader;
  const subtask = reader.layout === '1.11' ? null : cursor.i32('a subtask index');
  const first = cursor.i32('a gate or partition index');
  const second = cursor.i32('a channel or subpartition index');
  const offsets = readOffsets(cursor);
  const stateSize = cursor.i64('a state size');
  const delegate = requireStream(reader, 0);
  return direction === 'input'
    ? { kind: 'inputChannel', subtask, gate: first, channel: second, stateSize, offsets, delegate }
    : {
        kind: 'resultSubpartition',
        subtask,
        partition: first,
        subpartition: second,
        stateSize,
        offsets,
        delegate,
      };
}

function readMerged(reader: Reader, direction: Direction): ChannelHandle {
  const { cursor } = reader;
  const subtask = cursor.i32('a subtask index');
  const stateSize = cursor.i64('a state size');
  const delegate = readStream(reader, 0);
  const size = cursor.count('a length of channel offsets', 1);
  const bytes = cursor.take(size, 'channel offsets');
  const channels = readMergedChannels(bytes);
  return {
    kind: direction === 'input' ? 'mergedInputChannels' : 'mergedResultSubpartitions',
    subtask,
    stateSize,
    channelOffsetsSize: size,
    channelOffsetsSha256: reader.hash ? createHash('sha256').update(bytes).digest('hex') : null,
    // Flink builds one handle for each channel, and none may be without a stream.
    channels: delegate === null && channels?.length !== 0 ? null : channels,
    delegate,
  };
}

/** Flink reads these bytes only when it uses the handle; so damage in them does not make it refuse the file. */
export function readMergedChannels(bytes: Uint8Array): readonly MergedChannel[] | null {
  try {
    const cursor = new Cursor(bytes);
    const count = cursor.count('a number of channels', 20);
    const channels: MergedChannel[] = [];
    for (let i = 0; i < count; i++) {
      const first = cursor.i32();
      const second = cursor.i32();
      const stateSize = cursor.i64();
      channels.push({ first, second, stateSize, offsets: readOffsets(cursor) });
    }
    return channels;
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

function readOffsets(cursor: Cursor): readonly Long[] {
  const count = cursor.count('a number of offsets', 8);
  const offsets: Long[] = [];
  for (let i = 0; i < count; i++) offsets.push(cursor.i64());
  return offsets;
}
