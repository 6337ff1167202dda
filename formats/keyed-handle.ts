import { backendUuid } from './backend-id.js';
import type { Long } from './long.js';
import { PackedFiles, scanFiles, type FileList, type Scan } from './packed-files.js';
import type {
  ChangelogHandle,
  ChangelogInMemoryHandle,
  ChangelogStreamHandle,
  IncrementalHandle,
  KeyedHandle,
  NamedHandle,
} from './snapshot.js';
import { changelogSize, incrementalSize } from './state-size.js';
import {
  MAX_DEPTH,
  readKeyGroupRange,
  readKeyGroups,
  readStream,
  requireStream,
  type Reader,
} from './stream-handle.js';

/** Every keyed handle, or null for tag 0. */
export function readKeyedHandle(reader: Reader, depth: number): KeyedHandle | null {
  const { cursor } = reader;
  const start = cursor.position;
  const tag = cursor.i8('the type of a keyed state handle');
  switch (tag) {
    case 0:
      return null;
    case 3:
      return readKeyGroups(reader, 'keyGroups', depth);
    case 7:
      return readKeyGroups(reader, 'savepointKeyGroups', depth);
    case 12:
      return {
        ...readKeyGroups(reader, 'keyGroups', depth),
        stateHandleId: cursor.utf('a state handle id'),
      };
    case 5:
    case 11:
      return readIncremental(reader, tag === 11, depth);
    case 8:
    case 14:
      return readChangelog(reader, tag === 14, depth + 1);
    case 9:
      return readInMemory(reader);
    case 10:
    case 13:
      return readChangelogStream(reader, tag === 13, depth);
    default:
      throw cursor.error(
        'UnknownTag',
        'a keyed state handle (type 0, 3, 5 or 7 to 14)',
        `type ${tag}`,
        start,
      );
  }
}

function readIncremental(reader: Reader, second: boolean, depth: number): IncrementalHandle {
  const { cursor } = reader;
  const checkpointId = cursor.i64('a checkpoint id');
  const backendId = backendUuid(cursor.utf('a backend id'));
  const range = readKeyGroupRange(reader);
  const written = second ? cursor.i64('a checkpointed size') : -1;
  const meta = readStream(reader, depth);
  const shared = readFileList(reader, depth);
  const priv = readFileList(reader, depth);
  const stateHandleId = second ? cursor.utf('a state handle id') : null;
  const stateSize = incrementalSize({ meta, shared, private: priv });
  return {
    kind: 'incremental',
    stateSize,
    checkpointId,
    backendId,
    firstKeyGroup: range.firstKeyGroup,
    keyGroups: range.keyGroups,
    // -1 is "unknown", and Flink takes the whole size then. Flink 1.14 has no such number.
    checkpointedSize: written !== -1 ? written : reader.layout === '1.14' ? null : stateSize,
    stateHandleId,
    meta,
    shared,
    private: priv,
  };
}

/** Shorter lists are objects at once. */
const PACK_FROM = 4;

/** The hot loop: a large snapshot consists of these entries. */
function readFileList(reader: Reader, depth: number): FileList {
  const { cursor } = reader;
  const count = cursor.count('a number of files', 3);
  const files: NamedHandle[] = [];
  const readOne = (): void => {
    const name = cursor.utf('a file name');
    files.push({ name, handle: requireStream(reader, depth) });
  };
  if (count >= PACK_FROM && reader.plainDirectory) {
    if (reader.rootBytes.length === 0) readOne(); // shows how paths begin here
    const packed = new PackedFiles(reader.directory);
    if (files.length === 0 && packFiles(reader, packed, count)) return packed;
    files.push(...packed);
  }
  while (files.length < count) readOne();
  return files;
}

/** Packs entries while they are plain; true when all of them were. */
function packFiles({ cursor, rootBytes }: Reader, packed: PackedFiles, count: number): boolean {
  for (;;) {
    const { because } = cursor.scan((buffer, from, to): Scan => {
      const found = scanFiles(buffer, from, to, count - packed.length, rootBytes);
      if (found.count > 0)
        packed.add(new Uint8Array(buffer.subarray(from, found.end)), found.count, found.stateSize);
      return found;
    });
    if (because === 'done') return true;
    if (because === 'odd' || !cursor.more()) return false;
  }
}

function readChangelog(reader: Reader, second: boolean, depth: number): ChangelogHandle {
  const { cursor } = reader;
  if (depth >= MAX_DEPTH)
    throw cursor.error('TooDeep', `handles nested less than ${MAX_DEPTH} deep`, `${depth} levels`);
  const start = cursor.position;
  const range = readKeyGroupRange(reader);
  if (range.keyGroups <= 0) throw cursor.error('BadValue', 'at least one key group', 'none', start);
  const short = reader.layout === '1.14';
  const checkpointedSize = short ? null : cursor.i64('a checkpointed size');
  const materialized: KeyedHandle[] = [];
  const base = cursor.count('a number of materialized handles', 1);
  for (let i = 0; i < base; i++) {
    const handle = readKeyedHandle(reader, depth);
    if (handle !== null)
      materialized.push(handle); // Flink warns and goes on
    else if (short) throw cursor.error('MissingValue', 'a keyed state handle', 'null', cursor.position - 1);
  }
  const nonMaterialized: KeyedHandle[] = [];
  const delta = cursor.count('a number of non-materialized handles', 1);
  for (let i = 0; i < delta; i++) {
    const at = cursor.position;
    const handle = readKeyedHandle(reader, depth);
    if (handle?.kind !== 'changelogStream' && handle?.kind !== 'changelogInMemory')
      throw cursor.error('UnknownTag', 'a change log handle (type 9, 10 or 13)', handle?.kind ?? 'null', at);
    nonMaterialized.push(handle);
  }
  const materializationId = short ? null : cursor.i64('a materialization id');
  const checkpointId = short ? null : second ? cursor.i64('a checkpoint id') : materializationId;
  const stateHandleId = short ? null : cursor.utf('a state handle id');
  return {
    kind: 'changelog',
    stateSize: changelogSize({ materialized, nonMaterialized }),
    ...range,
    checkpointId,
    materializationId,
    checkpointedSize,
    stateHandleId,
    materialized,
    nonMaterialized,
  };
}

function readInMemory(reader: Reader): ChangelogInMemoryHandle {
  const { cursor, hash } = reader;
  const short = reader.layout === '1.14';
  const range = readKeyGroupRange(reader);
  const start = cursor.position;
  const from = cursor.i64('a first sequence number');
  const to = cursor.i64('a last sequence number');
  if (!short && (from < 0 || to < 0))
    throw cursor.error('BadValue', 'sequence numbers >= 0', `${from} and ${to}`, start);
  const count = cursor.count('a number of changes', 8);
  const changes: { keyGroup: number; size: number; sha256: string | null }[] = [];
  let stateSize = 0;
  for (let i = 0; i < count; i++) {
    const keyGroup = cursor.i32('a key group');
    // -1 marks metadata
    if (!short && keyGroup < -1)
      throw cursor.error('BadValue', 'a key group >= -1', String(keyGroup), cursor.position - 4);
    const size = cursor.count('a length of a change', 1);
    let sha256: string | null = null;
    if (hash) sha256 = cursor.sha256(size, 'a change');
    else cursor.skip(size, 'a change');
    stateSize += size;
    changes.push({ keyGroup, size, sha256 });
  }
  const stateHandleId = short ? null : cursor.utf('a state handle id');
  return { kind: 'changelogInMemory', stateSize, ...range, from, to, stateHandleId, changes };
}

function readChangelogStream(reader: Reader, second: boolean, depth: number): ChangelogStreamHandle {
  const { cursor } = reader;
  const short = reader.layout === '1.14';
  const range = readKeyGroupRange(reader);
  const count = cursor.count('a number of change log files', 9);
  const handles: { offset: Long; handle: ReturnType<typeof readStream> }[] = [];
  for (let i = 0; i < count; i++) {
    const offset = cursor.i64('a change log offset');
    handles.push({ offset, handle: readStream(reader, depth) });
  }
  const stateSize = cursor.i64('a state size');
  const checkpointedSize = short ? null : cursor.i64('a checkpointed size');
  const stateHandleId = short ? null : cursor.utf('a state handle id');
  const storageIdentifier = second ? cursor.utf('a storage identifier') : short ? null : 'filesystem';
  return {
    kind: 'changelogStream',
    stateSize,
    ...range,
    checkpointedSize,
    storageIdentifier,
    stateHandleId,
    handles,
  };
}
