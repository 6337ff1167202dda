import type { Long } from './long.js';
import type { FileList } from './packed-files.js';

/**
 * What a Flink snapshot says, from its `_metadata` or from the HA file: operators, their subtasks, and the handles
 * that lead to the bytes of their state. The names are those of the neutral JSON form, `kind` included.
 */
export interface Snapshot {
  /** 2 to 7; null for a snapshot out of an HA file, which has no format of its own. */
  readonly formatVersion: number | null;
  /**
   * Which of the layouts that share a format version the file has. `current` is what Flink 2.x reads; `1.14` are the
   * shorter change log handles of Flink 1.14, `1.11` the channel handles without subtask index of Flink 1.11.
   */
  readonly layout: Layout;
  /** Directory the file is in, as Flink prints it. Relative handles lie below it. */
  readonly directory: string;
  readonly checkpointId: Long;
  /** Null before format 4. */
  readonly properties: CheckpointProperties | null;
  readonly masterStates: readonly (MasterState | null)[];
  /** In the order of the file. */
  readonly operators: readonly OperatorState[];
  /** Bytes left unread after the end. Flink ignores them; they show that something overwrote the file. */
  readonly trailingBytes: number;
}

export type Layout = 'current' | '1.14' | '1.11';

export interface CheckpointProperties {
  /** Null when the type was lost: Flink loads that, but cannot use it. */
  readonly type: SnapshotType | null;
  readonly forced: boolean;
  /** Null before Flink 1.15. */
  readonly unclaimed: boolean | null;
  readonly discardSubsumed: boolean;
  readonly discardFinished: boolean;
  readonly discardCancelled: boolean;
  readonly discardFailed: boolean;
  readonly discardSuspended: boolean;
}

/** Up to Flink 1.14 an enum constant: only class and name. */
export type SnapshotType =
  | { readonly class: 'CheckpointType'; readonly name: string; readonly enum: true }
  | {
      readonly class: 'CheckpointType' | 'SavepointType';
      readonly enum: false;
      readonly name: string | null;
      readonly savepoint: boolean;
      readonly formatType: string | null;
      readonly postCheckpointAction: string | null;
      readonly sharingFilesStrategy: string | null;
    };

export interface MasterState {
  readonly name: string;
  readonly version: number;
  readonly size: number;
  readonly sha256: string | null;
}

export interface OperatorState {
  /** 32 lower-case hex digits. */
  readonly id: string;
  readonly name: string | null;
  readonly uid: string | null;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly fullyFinished: boolean;
  readonly coordinatorState: InlineHandle | null;
  /** By index; subtasks without state may be missing. */
  readonly subtasks: readonly SubtaskState[];
}

export interface SubtaskState {
  readonly index: number;
  readonly finished: boolean;
  readonly stateSize: Long;
  readonly managedOperator: readonly OperatorStateHandle[];
  readonly rawOperator: readonly OperatorStateHandle[];
  readonly managedKeyed: readonly KeyedHandle[];
  readonly rawKeyed: readonly KeyedHandle[];
  readonly inputChannels: readonly ChannelHandle[];
  readonly resultSubpartitions: readonly ChannelHandle[];
}

// ── Streams: where bytes are ────────────────────────────────────────────────────────────────────────────────────

/** State inside the metadata itself. */
export interface InlineHandle {
  readonly kind: 'inline';
  readonly name: string;
  readonly size: number;
  /** Offset of the bytes in the file that was read; -1 when they were inside a Java object stream. */
  readonly at: number;
  /** Lower-case hex; null when the reader was not asked to hash. */
  readonly sha256: string | null;
  /** The bytes, kept only of states that may hold Kafka positions. */
  readonly data: Uint8Array | null;
}

export interface FileHandle {
  readonly kind: 'file';
  /** As Flink's `Path` prints it. */
  readonly path: string;
  /** Bytes; -1: unknown to the writer. */
  readonly size: Long;
}

export interface RelativeFileHandle {
  readonly kind: 'relativeFile';
  /** As in the file. */
  readonly relativePath: string;
  /** Resolved against the directory of the metadata. */
  readonly path: string;
  readonly size: Long;
}

/** The bytes `[offset, offset + size)` of a file that several handles share. */
export interface SegmentHandle {
  readonly kind: 'segment';
  readonly path: string;
  readonly offset: Long;
  readonly size: Long;
  readonly scope: 'EXCLUSIVE' | 'SHARED';
  readonly logicalFileId: string;
}

export interface EmptySegmentHandle {
  readonly kind: 'emptySegment';
}

export type StreamHandle =
  InlineHandle | FileHandle | RelativeFileHandle | SegmentHandle | EmptySegmentHandle | KeyGroupsHandle;

// ── Operator state ──────────────────────────────────────────────────────────────────────────────────────────────

export type DistributionMode = 'SPLIT_DISTRIBUTE' | 'UNION' | 'BROADCAST';

export interface ListStateMeta {
  readonly name: string;
  readonly mode: DistributionMode;
  /** Where each element begins in the delegate's bytes. */
  readonly offsets: readonly Long[];
}

export interface PlainOperatorHandle {
  readonly kind: 'operator';
  readonly stateSize: Long;
  /** By name. */
  readonly states: readonly ListStateMeta[];
  readonly delegate: StreamHandle;
}

export interface MergingOperatorHandle {
  readonly kind: 'operatorFileMerging';
  readonly stateSize: Long;
  readonly empty: boolean;
  readonly taskOwnedDir: string;
  readonly sharedDir: string;
  readonly states: readonly ListStateMeta[];
  readonly delegate: StreamHandle;
}

export type OperatorStateHandle = PlainOperatorHandle | MergingOperatorHandle;

// ── Keyed state ─────────────────────────────────────────────────────────────────────────────────────────────────

export interface KeyGroupRange {
  readonly firstKeyGroup: number;
  /** Number of key groups. */
  readonly keyGroups: number;
}

export interface KeyGroupsHandle extends KeyGroupRange {
  readonly kind: 'keyGroups' | 'savepointKeyGroups';
  readonly stateSize: Long;
  /** Of the offsets as big-endian 64-bit numbers; null when the reader was not asked to hash. */
  readonly offsetsSha256: string | null;
  /** Null when Flink makes it up while reading. */
  readonly stateHandleId: string | null;
  readonly delegate: StreamHandle;
}

export interface NamedHandle {
  readonly name: string;
  readonly handle: StreamHandle;
}

export interface IncrementalHandle extends KeyGroupRange {
  readonly kind: 'incremental';
  readonly stateSize: Long;
  readonly checkpointId: Long;
  readonly backendId: string;
  readonly checkpointedSize: Long | null;
  readonly stateHandleId: string | null;
  readonly meta: StreamHandle | null;
  readonly shared: FileList;
  readonly private: FileList;
}

export interface ChangelogHandle extends KeyGroupRange {
  readonly kind: 'changelog';
  readonly stateSize: Long;
  readonly checkpointId: Long | null;
  readonly materializationId: Long | null;
  readonly checkpointedSize: Long | null;
  readonly stateHandleId: string | null;
  readonly materialized: readonly KeyedHandle[];
  readonly nonMaterialized: readonly KeyedHandle[];
}

export interface ChangelogStreamHandle extends KeyGroupRange {
  readonly kind: 'changelogStream';
  readonly stateSize: Long;
  readonly checkpointedSize: Long | null;
  readonly storageIdentifier: string | null;
  readonly stateHandleId: string | null;
  readonly handles: readonly { readonly offset: Long; readonly handle: StreamHandle | null }[];
}

export interface ChangelogInMemoryHandle extends KeyGroupRange {
  readonly kind: 'changelogInMemory';
  readonly stateSize: Long;
  readonly from: Long;
  readonly to: Long;
  readonly stateHandleId: string | null;
  readonly changes: readonly {
    readonly keyGroup: number;
    readonly size: number;
    readonly sha256: string | null;
  }[];
}

export type KeyedHandle =
  KeyGroupsHandle | IncrementalHandle | ChangelogHandle | ChangelogStreamHandle | ChangelogInMemoryHandle;

// ── Channel state of unaligned checkpoints ──────────────────────────────────────────────────────────────────────

export interface InputChannelHandle {
  readonly kind: 'inputChannel';
  /** Null in Flink 1.11, which does not write it. */
  readonly subtask: number | null;
  readonly gate: number;
  readonly channel: number;
  readonly stateSize: Long;
  readonly offsets: readonly Long[];
  readonly delegate: StreamHandle;
}

export interface ResultSubpartitionHandle {
  readonly kind: 'resultSubpartition';
  readonly subtask: number | null;
  readonly partition: number;
  readonly subpartition: number;
  readonly stateSize: Long;
  readonly offsets: readonly Long[];
  readonly delegate: StreamHandle;
}

export interface MergedChannelsHandle {
  readonly kind: 'mergedInputChannels' | 'mergedResultSubpartitions';
  readonly subtask: number;
  readonly stateSize: Long;
  readonly channelOffsetsSize: number;
  readonly channelOffsetsSha256: string | null;
  /** Null when the offsets cannot be read: Flink loads such a handle, and fails when it uses it. */
  readonly channels: readonly MergedChannel[] | null;
  readonly delegate: StreamHandle | null;
}

/** `first` and `second`: gate and channel, or partition and subpartition. */
export interface MergedChannel {
  readonly first: number;
  readonly second: number;
  readonly stateSize: Long;
  readonly offsets: readonly Long[];
}

export type ChannelHandle = InputChannelHandle | ResultSubpartitionHandle | MergedChannelsHandle;
