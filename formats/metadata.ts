import { createHash } from 'node:crypto';
import { Cursor, sourceOf, type Source } from './cursor.js';
import { readProperties } from './checkpoint-properties.js';
import { cleanPath } from './flink-path.js';
import { FormatError } from './format-error.js';
import { readKeyedHandle } from './keyed-handle.js';
import { readOperatorHandle } from './operator-handle.js';
import { readChannelHandles } from './channel-handle.js';
import { Reader, readStream } from './stream-handle.js';
import type {
  ChannelHandle,
  InlineHandle,
  Layout,
  MasterState,
  OperatorState,
  Snapshot,
  SubtaskState,
} from './snapshot.js';
import { subtaskSize } from './state-size.js';

/** First four bytes of every `_metadata` file. */
export const METADATA_MAGIC = 0x4960672d;
const MASTER_STATE_MAGIC = 0xc96b1696 | 0;
const NONE: readonly never[] = [];

export interface ReadOptions {
  /** Hash inline state and key-group offsets, as the neutral form wants it. Default false: their bytes are passed over. */
  readonly hash?: boolean;
}

/**
 * Reads a `_metadata` file as Flink 2.3 does: what Flink refuses is refused, what it accepts is accepted, to the last
 * value. The layouts that Flink changed without a new version number are told apart by trying: the newest first, an
 * older one when that fails or does not end at the end of the file, and an older one counts only when it does.
 *
 * @param from all bytes, or a source that is read through a small window
 * @param pointer the directory the file is in; relative handles are resolved against it
 * @throws FormatError
 */
export function readMetadata(
  from: Uint8Array | Source,
  pointer: string,
  options: ReadOptions = {},
): Snapshot {
  const source = sourceOf(from);
  const hash = options.hash === true;
  let newest: Snapshot | undefined;
  let refusal: unknown;
  try {
    newest = readAs(source, pointer, hash, 'current');
    if (newest.trailingBytes === 0) return newest;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    refusal = error;
  }
  // Only format 3 was written with several layouts.
  if (formatOf(source) === 3) {
    for (const layout of ['1.14', '1.11'] as const) {
      try {
        const older = readAs(source, pointer, hash, layout);
        if (older.trailingBytes === 0) return older;
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
      }
    }
  }
  if (newest !== undefined) return newest;
  throw refusal;
}

function formatOf(source: Source): number | undefined {
  if (source.size < 8) return undefined;
  const cursor = new Cursor(source);
  cursor.skip(4);
  return cursor.i32();
}

/** @throws FormatError; the nesting limits keep the stack far from its end, but not every stack is as deep as ours */
function readAs(source: Source, pointer: string, hash: boolean, layout: Layout): Snapshot {
  const cursor = new Cursor(source);
  try {
    return readBody(cursor, pointer, hash, layout);
  } catch (error) {
    if (error instanceof RangeError)
      throw cursor.error('TooDeep', 'handles of sane depth', `a stack overflow: ${error.message}`);
    throw error;
  }
}

function readBody(cursor: Cursor, pointer: string, hash: boolean, layout: Layout): Snapshot {
  const magic = cursor.i32('the magic number of a _metadata file');
  if (magic !== METADATA_MAGIC)
    throw cursor.error('BadMagic', 'the magic number 4960672d of a _metadata file', hex32(magic), 0);
  const formatVersion = cursor.i32('the format version');
  if (formatVersion < 2 || formatVersion > 7)
    throw cursor.error('UnknownVersion', 'a format version from 2 to 7', String(formatVersion), 4);
  const reader = new Reader(cursor, formatVersion, layout, hash, directoryOf(cursor, pointer));

  const checkpointId = cursor.i64('the checkpoint id');
  if (checkpointId < 0) throw cursor.error('BadValue', 'a checkpoint id >= 0', String(checkpointId), 8);
  // magic, length, version, name length, bytes length
  const masters = cursor.count('a number of master states', 4);
  const masterStates: MasterState[] = [];
  for (let i = 0; i < masters; i++) masterStates.push(readMasterState(reader));
  const count = cursor.count('a number of operators', formatVersion === 2 ? 32 : 25);
  const operators: OperatorState[] = [];
  for (let i = 0; i < count; i++) operators.push(readOperator(reader));
  const properties = formatVersion >= 4 ? readProperties(cursor) : null;
  return {
    formatVersion,
    layout,
    directory: reader.directory,
    checkpointId,
    properties,
    masterStates,
    operators,
    trailingBytes: cursor.remaining,
  };
}

function directoryOf(cursor: Cursor, pointer: string): string {
  try {
    return cleanPath(pointer);
  } catch (error) {
    throw cursor.error('BadPath', 'a pointer that is a path', JSON.stringify(pointer), 0);
  }
}

const hex32 = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');

function readMasterState({ cursor, hash }: Reader): MasterState {
  const start = cursor.position;
  const magic = cursor.i32('the magic number of a master state');
  if (magic !== MASTER_STATE_MAGIC)
    throw cursor.error('BadMagic', 'the magic number c96b1696 of a master state', hex32(magic), start);
  const length = cursor.i32('the length of a master state');
  if (length <= 0)
    throw cursor.error('BadLength', 'a length > 0 of a master state', String(length), start + 4);
  const end = cursor.position + length;
  if (length > cursor.remaining)
    throw cursor.error(
      'Truncated',
      `a master state of ${length} bytes`,
      `${cursor.remaining} bytes and then the end`,
    );
  const version = cursor.i32('the version of a master state');
  const name = cursor.utf('the name of a master state');
  const size = cursor.i32('the size of a master state');
  // The inner fields must fill the outer length exactly, neither less nor more.
  if (size < 0 || cursor.position + size !== end)
    throw cursor.error('BadLength', `a master state of ${end - cursor.position} bytes`, String(size));
  let sha256: string | null = null;
  if (hash) sha256 = cursor.sha256(size, 'a master state');
  else cursor.skip(size, 'a master state');
  return { name, version, size, sha256 };
}

function readOperator(reader: Reader): OperatorState {
  const { cursor, formatVersion } = reader;
  const named = formatVersion >= 5;
  const name = named ? cursor.utf('an operator name') : '';
  const uid = named ? cursor.utf('an operator uid') : '';
  const id = cursor.take(16, 'an operator id').toString('hex');
  const parallelism = cursor.i32('a parallelism');
  const maxParallelism = cursor.i32('a maximum parallelism');
  if (parallelism < 0 || parallelism > maxParallelism)
    throw cursor.error(
      'BadValue',
      `a parallelism from 0 to the maximum parallelism ${maxParallelism}`,
      String(parallelism),
      cursor.position - 8,
    );
  const coordinatorState = formatVersion >= 3 ? readCoordinator(reader) : null;
  if (formatVersion === 2) cursor.i32('the chain length'); // unused since Flink 1.3
  const subtaskCount = cursor.i32('a number of subtasks');
  // Any negative count means it from format 3 on; in format 2 Flink's loop just does not run.
  const fullyFinished = subtaskCount < 0 && formatVersion >= 3;
  if (fullyFinished && coordinatorState !== null)
    throw cursor.error(
      'BadValue',
      'no coordinator state in a fully finished operator',
      'one',
      cursor.position - 4,
    );
  if (subtaskCount > 0 && subtaskCount * 4 > cursor.remaining)
    throw cursor.error(
      'BadLength',
      `a number of subtasks that fits in the ${cursor.remaining} bytes left`,
      String(subtaskCount),
      cursor.position - 4,
    );
  const operator = {
    id,
    name: name === '' ? null : name,
    uid: uid === '' ? null : uid,
    parallelism,
    maxParallelism,
    fullyFinished,
    coordinatorState,
    subtasks: readSubtasks(reader, subtaskCount, parallelism),
  };
  return operator;
}

function readCoordinator(reader: Reader): InlineHandle | null {
  const start = reader.cursor.position;
  const handle = readStream(reader, 0, true);
  if (handle === null || handle.kind === 'inline') return handle;
  throw reader.cursor.error('UnknownTag', 'inline coordinator state', `a ${handle.kind} handle`, start);
}

function readSubtasks(reader: Reader, count: number, parallelism: number): readonly SubtaskState[] {
  const { cursor, formatVersion } = reader;
  const subtasks: SubtaskState[] = [];
  let sorted = true;
  let last = -1;
  for (let i = 0; i < count; i++) {
    const start = cursor.position;
    const stored = cursor.i32('a subtask index');
    const finished = stored < 0 && formatVersion >= 3;
    const index = finished ? -(stored + 1) : stored;
    const subtask = finished ? finishedSubtask(index) : readSubtask(reader, index);
    if (index < 0 || index >= parallelism)
      throw cursor.error(
        'BadValue',
        `a subtask index below the parallelism ${parallelism}`,
        String(index),
        start,
      );
    if (index <= last) sorted = false;
    last = index;
    subtasks.push(subtask);
  }
  if (sorted) return subtasks;
  // Flink keeps a map: of two entries for one subtask the later one counts.
  const byIndex = new Map<number, SubtaskState>();
  for (const subtask of subtasks) byIndex.set(subtask.index, subtask);
  return [...byIndex.values()].sort((a, b) => a.index - b.index);
}

const finishedSubtask = (index: number): SubtaskState => ({
  index,
  finished: true,
  stateSize: 0,
  managedOperator: NONE,
  rawOperator: NONE,
  managedKeyed: NONE,
  rawKeyed: NONE,
  inputChannels: NONE,
  resultSubpartitions: NONE,
});

function readSubtask(reader: Reader, index: number): SubtaskState {
  const { cursor, formatVersion } = reader;
  if (formatVersion === 2) {
    cursor.i64('the duration'); // unused
    const legacy = cursor.i32('the number of legacy states');
    if (legacy > 0)
      throw cursor.error(
        'LegacyState',
        'no legacy state (Flink 1.1 and older; not supported since 1.3)',
        String(legacy),
        cursor.position - 4,
      );
  }
  const managedOperator = readOperatorGroup(reader, 'the presence of managed operator state');
  const rawOperator = readOperatorGroup(reader, 'the presence of raw operator state');
  const managed = readKeyedHandle(reader, 0);
  const raw = readKeyedHandle(reader, 0);
  const managedKeyed = managed === null ? NONE : [managed];
  const rawKeyed = raw === null ? NONE : [raw];
  let inputChannels: readonly ChannelHandle[] = NONE;
  let resultSubpartitions: readonly ChannelHandle[] = NONE;
  if (formatVersion >= 3) {
    inputChannels = readChannelHandles(reader, 'input');
    resultSubpartitions = readChannelHandles(reader, 'result');
  }
  // Format 7: the checkpoint that a regional checkpoint refers to.
  if (formatVersion >= 7 && cursor.u8('the presence of a reference checkpoint') !== 0)
    cursor.i64('a reference checkpoint id');
  return {
    index,
    finished: false,
    stateSize: subtaskSize(
      managedOperator,
      rawOperator,
      managedKeyed,
      rawKeyed,
      inputChannels,
      resultSubpartitions,
    ),
    managedOperator,
    rawOperator,
    managedKeyed,
    rawKeyed,
    inputChannels,
    resultSubpartitions,
  };
}

function readOperatorGroup(reader: Reader, what: string): SubtaskState['managedOperator'] {
  if (reader.cursor.i32(what) === 0) return NONE;
  const handle = readOperatorHandle(reader);
  if (handle !== null) return [handle];
  throw reader.cursor.error('MissingValue', 'an operator state handle', 'null', reader.cursor.position - 1);
}

/** SHA-256 of everything in a source, lower-case hex. */
export function sourceSha256(from: Uint8Array | Source): string {
  const source = sourceOf(from);
  if (source.bytes !== undefined) return createHash('sha256').update(source.bytes).digest('hex');
  return new Cursor(source).sha256(source.size, 'the file');
}
