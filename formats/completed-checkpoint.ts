import { createHash } from 'node:crypto';
import { readMergedChannels } from './channel-handle.js';
import { propertiesOf } from './checkpoint-properties.js';
import { javaPath } from './checkpoint-znode.js';
import { FormatError } from './format-error.js';
import {
  fieldOf,
  javaList,
  javaMap,
  objectOf,
  readJavaStream,
  type JavaArray,
  type JavaObject,
  type JavaValue,
} from './java-stream.js';
import { addLong, long, type Long } from './long.js';
import type {
  ChannelHandle,
  CheckpointProperties,
  DistributionMode,
  InlineHandle,
  KeyedHandle,
  KeyGroupRange,
  KeyGroupsHandle,
  ListStateMeta,
  MasterState,
  NamedHandle,
  OperatorState,
  OperatorStateHandle,
  Snapshot,
  StreamHandle,
  SubtaskState,
} from './snapshot.js';
import { changelogSize, incrementalSize, streamSize } from './state-size.js';

/** The HA file of a checkpoint: the same operator states as its `_metadata`, and where that lies. */
export interface CompletedCheckpoint {
  /** 32 lower-case hex digits. */
  readonly job: string;
  readonly checkpointId: Long;
  /** Trigger time, epoch milliseconds; 0 for the snapshot that the job was started from. */
  readonly timestamp: Long;
  /** Epoch milliseconds. */
  readonly completionTimestamp: Long;
  /**
   * The directory of the checkpoint or savepoint (from Flink 1.5), or `<checkpoint-not-externally-addressable>`. Null
   * in 1.3 and 1.4 when checkpoints are not externalized.
   */
  readonly externalPointer: string | null;
  /** Handle to the `_metadata` file; its size can be 0 when the writer did not know it. */
  readonly metadata:
    | { readonly kind: 'file'; readonly class: string; readonly path: string; readonly size: Long }
    | { readonly kind: 'inline'; readonly class: string; readonly data: Uint8Array }
    | null;
  readonly properties: CheckpointProperties | null;
  /** Of the snapshot that the job was started from (1.16 and later), else null. */
  readonly restoredProperties: CheckpointProperties | null;
  /** Operators by id: the file holds a hash map. */
  readonly snapshot: Snapshot;
}

const RUNTIME = 'org.apache.flink.runtime.';
const NONE: readonly never[] = [];

/**
 * Reads a `completedCheckpoint…` file of Flink 1.3 to 2.x. Versions differ in their fields, not in their
 * serialVersionUID; what a version does not write is null.
 * @throws FormatError also for an unexpected class where something is interpreted
 */
export function readCompletedCheckpoint(
  bytes: Uint8Array,
  options: { readonly hash?: boolean } = {},
): CompletedCheckpoint {
  const root = require(readJavaStream(bytes), 'checkpoint.CompletedCheckpoint');
  const hash = options.hash === true;
  const timestamp = longOf(root, 'timestamp');
  const completion = fieldOf(root, 'completionTimestamp');
  const externalPointer = textOrNull(root, 'externalPointer');
  const metadata = metadataOf(
    fieldOf(root, 'metadataHandle') ?? fieldOf(root, 'externalizedMetadata') ?? null,
  );
  const location = objectOf(fieldOf(root, 'storageLocation'));
  const directory =
    (location && javaPath(fieldOf(location, 'exclusiveCheckpointDir'))) ??
    (metadata?.kind === 'file'
      ? metadata.path.slice(0, metadata.path.lastIndexOf('/'))
      : (externalPointer ?? ''));
  const properties = propertiesOf(fieldOf(root, 'props'), refuse, false);
  const checkpointId = longOf(root, 'checkpointID');
  return {
    job: abstractId(require(fieldOf(root, 'job'), 'org.apache.flink.api.common.JobID')),
    checkpointId,
    timestamp,
    completionTimestamp:
      completion === undefined
        ? addLong(timestamp, longOf(root, 'duration'))
        : longOf(root, 'completionTimestamp'),
    externalPointer,
    metadata,
    properties,
    restoredProperties: propertiesOf(fieldOf(root, 'restoredProps'), refuse, false),
    snapshot: {
      formatVersion: null,
      layout: 'current',
      directory,
      checkpointId,
      properties,
      masterStates: listOf(fieldOf(root, 'masterHookStates'), 'master states').map((state) =>
        masterState(state, hash),
      ),
      operators: mapOf(fieldOf(root, 'operatorStates'), 'operator states')
        .map(([, state]) => operatorState(state, hash))
        .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)),
      trailingBytes: 0,
    },
  };
}

/** Offsets are of no help in an object graph: the expectation names the field. */
const refuse = (expected: string, found: string): never => {
  throw new FormatError({ code: 'BadJavaStream', offset: 0, expected, found, context: '' });
};

// ── Fields ──────────────────────────────────────────────────────────────────────────────────────────────────────

const describe = (value: JavaValue | undefined): string =>
  value === undefined
    ? 'no such field'
    : value === null
      ? 'null'
      : typeof value !== 'object'
        ? typeof value
        : value.kind === 'class'
          ? value.name
          : value.class.name;

function require(value: JavaValue | undefined, name: string): JavaObject {
  const full = name.startsWith('org.') ? name : RUNTIME + name;
  return objectOf(value, full) ?? refuse(`a ${full}`, describe(value));
}

function anyObject(value: JavaValue | undefined, what: string): JavaObject {
  return objectOf(value) ?? refuse(what, describe(value));
}

function longOf(object: JavaObject, name: string): Long {
  const value = fieldOf(object, name);
  return typeof value === 'bigint' ? long(value) : refuse(`a long ${name}`, describe(value));
}

function longOrNull(object: JavaObject, name: string): Long | null {
  return fieldOf(object, name) === undefined ? null : longOf(object, name);
}

function intOf(object: JavaObject, name: string): number {
  const value = fieldOf(object, name);
  return typeof value === 'number' ? value : refuse(`an int ${name}`, describe(value));
}

function textOrNull(object: JavaObject, name: string): string | null {
  const value = fieldOf(object, name);
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : refuse(`a text ${name}`, describe(value));
}

const textOf = (object: JavaObject, name: string): string =>
  textOrNull(object, name) ?? refuse(`a text ${name}`, 'null');

function pathOf(object: JavaObject, name: string): string {
  return javaPath(fieldOf(object, name)) ?? refuse(`a path ${name}`, describe(fieldOf(object, name)));
}

function constant(object: JavaObject, name: string): string {
  const value = fieldOf(object, name);
  return typeof value === 'object' && value?.kind === 'enum'
    ? value.name
    : refuse(`a constant ${name}`, describe(value));
}

const listOf = (value: JavaValue | undefined, what: string): readonly JavaValue[] =>
  value === undefined || value === null
    ? NONE
    : (javaList(value) ?? refuse(`a list of ${what}`, describe(value)));

const mapOf = (value: JavaValue | undefined, what: string): readonly (readonly [JavaValue, JavaValue])[] =>
  javaMap(value) ?? refuse(`a map of ${what}`, describe(value));

function arrayOf(value: JavaValue | undefined, what: string): JavaArray {
  return typeof value === 'object' && value?.kind === 'array'
    ? value
    : refuse(`an array of ${what}`, describe(value));
}

const bytesOf = (value: JavaValue | undefined, what: string): Uint8Array =>
  arrayOf(value, what).bytes ?? refuse(`bytes of ${what}`, 'another array');

const boxed = (value: JavaValue | undefined, what: string): Long => {
  const inner = fieldOf(anyObject(value, what), 'value');
  if (typeof inner === 'bigint') return long(inner);
  return typeof inner === 'number' ? inner : refuse(what, describe(inner));
};

const hex64 = (value: JavaValue | undefined): string =>
  typeof value === 'bigint'
    ? BigInt.asUintN(64, value).toString(16).padStart(16, '0')
    : refuse('a long', describe(value));

const abstractId = (id: JavaObject): string =>
  hex64(fieldOf(id, 'lowerPart')) + hex64(fieldOf(id, 'upperPart'));

const sha = (bytes: Uint8Array, hash: boolean): string | null =>
  hash ? createHash('sha256').update(bytes).digest('hex') : null;

const handleId = (object: JavaObject, ...names: readonly string[]): string | null => {
  for (const name of names) {
    const id = objectOf(fieldOf(object, name));
    if (id !== undefined) return textOf(id, 'keyString');
  }
  return null;
};

// ── Objects ─────────────────────────────────────────────────────────────────────────────────────────────────────

function metadataOf(value: JavaValue): CompletedCheckpoint['metadata'] {
  if (value === null) return null;
  const object = anyObject(value, 'a handle to the metadata');
  const name = object.class.name.slice(object.class.name.lastIndexOf('.') + 1);
  const handle = stream(object, false);
  if (handle.kind === 'file' || handle.kind === 'relativeFile')
    return { kind: 'file', class: name, path: handle.path, size: handle.size };
  if (handle.kind === 'inline' && handle.data !== null)
    return { kind: 'inline', class: name, data: handle.data };
  return refuse('a handle to the metadata', handle.kind);
}

function masterState(value: JavaValue, hash: boolean): MasterState | null {
  if (value === null) return null;
  const object = require(value, 'checkpoint.MasterState');
  const bytes = bytesOf(fieldOf(object, 'bytes'), 'a master state');
  return {
    name: textOf(object, 'name'),
    version: intOf(object, 'version'),
    size: bytes.length,
    sha256: sha(bytes, hash),
  };
}

function operatorState(value: JavaValue, hash: boolean): OperatorState {
  const object =
    objectOf(
      value,
      `${RUNTIME}checkpoint.OperatorState`,
      `${RUNTIME}checkpoint.FullyFinishedOperatorState`,
    ) ?? refuse('an operator state', describe(value));
  const coordinator = fieldOf(object, 'coordinatorState') ?? null;
  const coordinatorState =
    coordinator === null ? null : stream(anyObject(coordinator, 'coordinator state'), hash);
  if (coordinatorState !== null && coordinatorState.kind !== 'inline')
    return refuse('inline coordinator state', coordinatorState.kind);
  return {
    id: abstractId(require(fieldOf(object, 'operatorID'), 'jobgraph.OperatorID')),
    name: textOrNull(object, 'operatorName'),
    uid: textOrNull(object, 'operatorUid'),
    parallelism: intOf(object, 'parallelism'),
    maxParallelism: intOf(object, 'maxParallelism'),
    fullyFinished: object.class.name.endsWith('.FullyFinishedOperatorState'),
    coordinatorState,
    subtasks: mapOf(fieldOf(object, 'operatorSubtaskStates'), 'subtask states')
      .map(([index, state]) => subtaskState(Number(boxed(index, 'a subtask index')), state, hash))
      .sort((a, b) => a.index - b.index),
  };
}

function subtaskState(index: number, value: JavaValue, hash: boolean): SubtaskState {
  const object =
    objectOf(
      value,
      `${RUNTIME}checkpoint.OperatorSubtaskState`,
      `${RUNTIME}checkpoint.FinishedOperatorSubtaskState`,
    ) ?? refuse('a subtask state', describe(value));
  const group = <T>(name: string, one: (of: JavaObject, hash: boolean) => T): readonly T[] =>
    stateObjects(fieldOf(object, name)).map((of) => one(of, hash));
  return {
    index,
    finished: object.class.name.endsWith('.FinishedOperatorSubtaskState'),
    stateSize: longOf(object, 'stateSize'),
    managedOperator: group('managedOperatorState', operatorHandle),
    rawOperator: group('rawOperatorState', operatorHandle),
    managedKeyed: group('managedKeyedState', keyedHandle),
    rawKeyed: group('rawKeyedState', keyedHandle),
    inputChannels: group('inputChannelState', channelHandle),
    resultSubpartitions: group('resultSubpartitionState', channelHandle),
  };
}

/** A `StateObjectCollection` (1.5+), another collection (1.4), or the single object of 1.3. */
function stateObjects(value: JavaValue | undefined): readonly JavaObject[] {
  if (value === undefined || value === null) return NONE;
  const wrapper = objectOf(value, `${RUNTIME}checkpoint.StateObjectCollection`);
  const items = javaList(wrapper === undefined ? value : fieldOf(wrapper, 'stateObjects'));
  return (items ?? [value]).filter((item) => item !== null).map((item) => anyObject(item, 'a state handle'));
}

function stream(object: JavaObject, hash: boolean): StreamHandle {
  switch (object.class.name) {
    case `${RUNTIME}state.memory.ByteStreamStateHandle`:
      return inline(object, hash);
    case `${RUNTIME}state.filesystem.FileStateHandle`:
      return { kind: 'file', path: pathOf(object, 'filePath'), size: longOf(object, 'stateSize') };
    case `${RUNTIME}state.filesystem.RelativeFileStateHandle`:
      return {
        kind: 'relativeFile',
        relativePath: textOf(object, 'relativePath'),
        path: pathOf(object, 'filePath'),
        size: longOf(object, 'stateSize'),
      };
    case `${RUNTIME}state.filemerging.SegmentFileStateHandle`:
    case `${RUNTIME}checkpoint.filemerging.SegmentFileStateHandle`:
      return {
        kind: 'segment',
        path: pathOf(object, 'filePath'),
        offset: longOf(object, 'startPos'),
        size: longOf(object, 'stateSize'),
        scope: constant(object, 'scope') === 'SHARED' ? 'SHARED' : 'EXCLUSIVE',
        logicalFileId: handleId(object, 'logicalFileId') ?? refuse('a logical file id', 'null'),
      };
    case `${RUNTIME}state.filemerging.EmptySegmentFileStateHandle`:
      return { kind: 'emptySegment' };
    case `${RUNTIME}state.KeyGroupsStateHandle`:
    case `${RUNTIME}state.KeyGroupsSavepointStateHandle`:
      return keyGroups(object, hash, 'keyGroups');
    default:
      return refuse('a stream handle', object.class.name);
  }
}

function inline(object: JavaObject, hash: boolean): InlineHandle {
  const data = bytesOf(fieldOf(object, 'data'), 'inline state');
  return {
    kind: 'inline',
    name: textOf(object, 'handleName'),
    size: data.length,
    at: -1,
    sha256: sha(data, hash),
    data,
  };
}

const streamIn = (object: JavaObject, name: string, hash: boolean): StreamHandle =>
  stream(anyObject(fieldOf(object, name), `a stream handle ${name}`), hash);

const streamOrNull = (value: JavaValue | undefined, hash: boolean): StreamHandle | null =>
  value === undefined || value === null ? null : stream(anyObject(value, 'a stream handle'), hash);

function operatorHandle(object: JavaObject, hash: boolean): OperatorStateHandle {
  const states = mapOf(fieldOf(object, 'stateNameToPartitionOffsets'), 'state names').map(
    ([name, meta]): ListStateMeta => {
      const of = anyObject(meta, 'offsets of a state');
      if (typeof name !== 'string') return refuse('a state name', describe(name));
      return {
        name,
        mode: modeOf(constant(of, 'distributionMode')),
        offsets: longs(fieldOf(of, 'offsets'), 'offsets'),
      };
    },
  );
  states.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const delegate = streamIn(object, 'delegateStateHandle', hash);
  const name = object.class.name;
  if (name === `${RUNTIME}state.OperatorStateHandle` || name === `${RUNTIME}state.OperatorStreamStateHandle`)
    return { kind: 'operator', stateSize: streamSize(delegate), states, delegate };
  const merging = `${RUNTIME}state.filemerging.`;
  const empty = name === `${merging}EmptyFileMergingOperatorStreamStateHandle`;
  if (!empty && name !== `${merging}FileMergingOperatorStreamStateHandle`)
    return refuse('an operator state handle', name);
  return {
    kind: 'operatorFileMerging',
    stateSize: streamSize(delegate),
    empty,
    taskOwnedDir: pathOf(anyObject(fieldOf(object, 'taskOwnedDirHandle'), 'a directory'), 'directory'),
    sharedDir: pathOf(anyObject(fieldOf(object, 'sharedDirHandle'), 'a directory'), 'directory'),
    states,
    delegate,
  };
}

function modeOf(name: string): DistributionMode {
  if (name === 'SPLIT_DISTRIBUTE' || name === 'UNION' || name === 'BROADCAST') return name;
  return refuse('a distribution mode', name);
}

const longs = (value: JavaValue | undefined, what: string): readonly Long[] =>
  arrayOf(value, what).items.map((item) =>
    typeof item === 'bigint' ? long(item) : refuse(what, describe(item)),
  );

function rangeOf(value: JavaValue | undefined): KeyGroupRange {
  const object = require(value, 'state.KeyGroupRange');
  const firstKeyGroup = intOf(object, 'startKeyGroup');
  return { firstKeyGroup, keyGroups: 1 + intOf(object, 'endKeyGroup') - firstKeyGroup };
}

function keyGroups(object: JavaObject, hash: boolean, kind: KeyGroupsHandle['kind']): KeyGroupsHandle {
  const range = anyObject(fieldOf(object, 'groupRangeOffsets'), 'a range of key groups');
  const offsets = arrayOf(fieldOf(range, 'offsets'), 'offsets').items;
  const bytes = Buffer.alloc(hash ? offsets.length * 8 : 0);
  if (hash)
    offsets.forEach((offset, i) =>
      bytes.writeBigInt64BE(typeof offset === 'bigint' ? offset : refuse('a long', describe(offset)), i * 8),
    );
  const delegate = streamIn(object, 'stateHandle', hash);
  const { firstKeyGroup, keyGroups: count } = rangeOf(fieldOf(range, 'keyGroupRange'));
  return {
    kind,
    stateSize: streamSize(delegate),
    firstKeyGroup,
    keyGroups: count,
    offsetsSha256: sha(bytes, hash),
    stateHandleId: handleId(object, 'stateHandleId'),
    delegate,
  };
}

/** A map up to 1.17 (and only up to 1.16.2 and 1.17.1 within those lines), a list since. */
function files(value: JavaValue | undefined, hash: boolean): readonly NamedHandle[] {
  const items = javaList(value);
  if (items !== undefined)
    return items.map((item) => {
      const entry = anyObject(item, 'a file of incremental state');
      return { name: textOf(entry, 'localPath'), handle: streamIn(entry, 'handle', hash) };
    });
  return mapOf(value, 'files')
    .map(([name, handle]) => ({
      name: textOf(anyObject(name, 'a state handle id'), 'keyString'),
      handle: stream(anyObject(handle, 'a stream handle'), hash),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

const uuid = (value: JavaValue | undefined): string => {
  const object = objectOf(value, 'java.util.UUID') ?? refuse('a UUID', describe(value));
  const hex = hex64(fieldOf(object, 'mostSigBits')) + hex64(fieldOf(object, 'leastSigBits'));
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
};

function keyedHandle(object: JavaObject, hash: boolean): KeyedHandle {
  switch (object.class.name) {
    case `${RUNTIME}state.KeyGroupsStateHandle`:
      return keyGroups(object, hash, 'keyGroups');
    case `${RUNTIME}state.KeyGroupsSavepointStateHandle`:
      return keyGroups(object, hash, 'savepointKeyGroups');
    case `${RUNTIME}state.IncrementalKeyedStateHandle`:
    case `${RUNTIME}state.IncrementalRemoteKeyedStateHandle`: {
      const meta = streamOrNull(fieldOf(object, 'metaStateHandle'), hash);
      const shared = files(fieldOf(object, 'sharedState'), hash);
      const priv = files(fieldOf(object, 'privateState'), hash);
      return {
        kind: 'incremental',
        stateSize: incrementalSize({ meta, shared, private: priv }),
        checkpointId: longOf(object, 'checkpointId'),
        backendId: uuid(fieldOf(object, 'backendIdentifier')),
        ...rangeOf(fieldOf(object, 'keyGroupRange')),
        checkpointedSize: longOrNull(object, 'persistedSizeOfThisCheckpoint'),
        stateHandleId: handleId(object, 'stateHandleId'),
        meta,
        shared,
        private: priv,
      };
    }
    case `${RUNTIME}state.changelog.ChangelogStateBackendHandle$ChangelogStateBackendHandleImpl`: {
      const inner = (name: string): readonly KeyedHandle[] =>
        listOf(fieldOf(object, name), 'keyed handles').map((of) =>
          keyedHandle(anyObject(of, 'a keyed handle'), hash),
        );
      const materialized = inner('materialized');
      const nonMaterialized = inner('nonMaterialized');
      return {
        kind: 'changelog',
        stateSize: changelogSize({ materialized, nonMaterialized }),
        ...rangeOf(fieldOf(object, 'keyGroupRange')),
        checkpointId: longOrNull(object, 'checkpointId'),
        materializationId: longOrNull(object, 'materializationID'),
        checkpointedSize: longOrNull(object, 'persistedSizeOfThisCheckpoint'),
        stateHandleId: handleId(object, 'stateHandleID', 'stateHandleId'),
        materialized,
        nonMaterialized,
      };
    }
    case `${RUNTIME}state.changelog.ChangelogStateHandleStreamImpl`:
      return {
        kind: 'changelogStream',
        stateSize: longOf(object, 'size'),
        ...rangeOf(fieldOf(object, 'keyGroupRange')),
        checkpointedSize: longOrNull(object, 'incrementalSize'),
        storageIdentifier: textOrNull(object, 'storageIdentifier'),
        stateHandleId: handleId(object, 'stateHandleID', 'stateHandleId'),
        handles: listOf(fieldOf(object, 'handlesAndOffsets'), 'change log files').map((item) => {
          const tuple = require(item, 'org.apache.flink.api.java.tuple.Tuple2');
          return {
            offset: boxed(fieldOf(tuple, 'f1'), 'an offset'),
            handle: streamOrNull(fieldOf(tuple, 'f0'), hash),
          };
        }),
      };
    case `${RUNTIME}state.changelog.inmemory.InMemoryChangelogStateHandle`: {
      const changes = listOf(fieldOf(object, 'changes'), 'changes').map((item) => {
        const change = anyObject(item, 'a change');
        const bytes = bytesOf(fieldOf(change, 'change'), 'a change');
        return { keyGroup: intOf(change, 'keyGroup'), size: bytes.length, sha256: sha(bytes, hash) };
      });
      return {
        kind: 'changelogInMemory',
        stateSize: changes.reduce((sum, { size }) => sum + size, 0),
        ...rangeOf(fieldOf(object, 'keyGroupRange')),
        from: sequenceNumber(fieldOf(object, 'from')),
        to: sequenceNumber(fieldOf(object, 'to')),
        stateHandleId: handleId(object, 'stateHandleID', 'stateHandleId'),
        changes,
      };
    }
    default:
      return refuse('a keyed state handle', object.class.name);
  }
}

const sequenceNumber = (value: JavaValue | undefined): Long =>
  typeof value === 'bigint' ? long(value) : longOf(anyObject(value, 'a sequence number'), 'number');

function channelHandle(object: JavaObject, hash: boolean): ChannelHandle {
  const name = object.class.name;
  const merged = name.startsWith(`${RUNTIME}state.Merged`);
  const input =
    name === `${RUNTIME}state.InputChannelStateHandle` ||
    name === `${RUNTIME}state.MergedInputChannelStateHandle`;
  if (
    !input &&
    name !== `${RUNTIME}state.ResultSubpartitionStateHandle` &&
    name !== `${RUNTIME}state.MergedResultSubpartitionStateHandle`
  )
    return refuse('a channel handle', name);
  const stateSize = longOf(object, 'size');
  if (merged) {
    const bytes = bytesOf(fieldOf(object, 'serializedChannelOffsets'), 'channel offsets');
    return {
      kind: input ? 'mergedInputChannels' : 'mergedResultSubpartitions',
      subtask: intOf(object, 'subtaskIndex'),
      stateSize,
      channelOffsetsSize: bytes.length,
      channelOffsetsSha256: sha(bytes, hash),
      channels: readMergedChannels(bytes),
      delegate: streamOrNull(fieldOf(object, 'delegate'), hash),
    };
  }
  const subtask = fieldOf(object, 'subtaskIndex') === undefined ? null : intOf(object, 'subtaskIndex');
  const offsets = listOf(fieldOf(object, 'offsets'), 'offsets').map((offset) => boxed(offset, 'an offset'));
  const delegate = streamIn(object, 'delegate', hash);
  const info = anyObject(fieldOf(object, 'info'), 'a channel');
  return input
    ? {
        kind: 'inputChannel',
        subtask,
        gate: intOf(info, 'gateIdx'),
        channel: intOf(info, 'inputChannelIdx'),
        stateSize,
        offsets,
        delegate,
      }
    : {
        kind: 'resultSubpartition',
        subtask,
        partition: intOf(info, 'partitionIdx'),
        subpartition: intOf(info, 'subPartitionIdx'),
        stateSize,
        offsets,
        delegate,
      };
}
