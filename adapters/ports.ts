/**
 * What the outside must offer. Everything Holdfast knows comes through these ports.
 *
 * Two rules hold for every call of every port:
 * - It ends: by its deadline (plus at most 100 ms) or by its signal, and leaves no socket, timer, listener or queued
 *   write behind. Memory is bounded by what was asked for.
 * - A look returns a {@link Reading}: present, absent, or unknown with the reason. It does not throw (except the abort
 *   reason of its own signal). An act (submit, commit, rename, probe) returns its result or throws a `HoldfastError`.
 *   `absent` is only said when the place where it would be was itself seen, by someone entitled to say so.
 */
import type { FailureCode, Fault } from '../domain/failure.js';
import type { RunId } from '../domain/ids.js';
import type { Notice, Severity } from '../domain/notice.js';
import type { Reading } from '../domain/reading.js';

/** How one call is bounded. */
export interface Call {
  readonly signal: AbortSignal;
  /** Milliseconds for the whole call, retries and redirects included. Default: the adapter's, documented there. */
  readonly deadline?: number;
}

/** Time as activities see it, so that tests and the simulation can bend it. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Resolves after `ms`, rejects with the signal's reason. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

// ── Storage ─────────────────────────────────────────────────────────────────────────────────────────────────────

export interface FileStatus {
  /** Full URI, in the spelling that Flink prints (`hdfs://authority/path`, `file:/path`). */
  readonly path: string;
  readonly kind: 'file' | 'directory';
  /** Bytes; 0 for a directory. */
  readonly length: number;
  /** Epoch milliseconds. */
  readonly modified: number;
}

/** Proof that the storage is usable (design, 4.6). */
export interface StorageProof {
  /** Who was active: changes when another NameNode took over or the same one was restarted. */
  readonly identity: string;
  /** Host and port that answered, for people. */
  readonly endpoint: string;
}

/** What the NameNode says of the blocks below a directory. */
export interface BlockHealth {
  readonly healthy: boolean;
  readonly missingFiles: readonly string[];
  readonly corruptFiles: readonly string[];
}

/**
 * Checkpoint storage. Paths are full URIs; a URI outside the allowed hosts and paths is `unknown(StateForeign)` for
 * looks and throws `StateForeign` for acts, and nothing is sent.
 */
export interface Storage {
  /** Whether this storage is the one that a URI belongs to (scheme and authority or nameservice). */
  owns(uri: string): boolean;
  /**
   * Proves the storage usable: exactly one active NameNode, out of safe mode, a probe file written and read back.
   * @throws StorageUnavailable, StorageStandby, StorageSafeMode, StorageNotWritable, AccessDenied, AuthFailed
   */
  proveUsable(call: Call): Promise<StorageProof>;
  stat(uri: string, call: Call): Promise<Reading<FileStatus>>;
  /**
   * Lists a directory, page by page in name order; `take` sees each page. Present only when the listing is complete.
   * A file at the path is `absent`: there is no such directory.
   */
  list(
    uri: string,
    take: (page: readonly FileStatus[]) => void,
    call: Call,
  ): Promise<Reading<{ readonly entries: number }>>;
  /** Reads exactly the range; fewer bytes than the file has there is `unknown(BlocksMissing)`, never a short answer. */
  read(
    uri: string,
    range: { readonly offset: number; readonly length: number },
    call: Call,
  ): Promise<Reading<Uint8Array>>;
  /** Health of the blocks below a path by the NameNode's own check (fsck). Storages without blocks say healthy. */
  blocks(uri: string, call: Call): Promise<Reading<BlockHealth>>;
  /**
   * Renames a file aside, within its directory. Never onto something that exists.
   * @throws a fault when the outcome was not confirmed by a look at source and destination.
   */
  setAside(uri: string, to: string, call: Call): Promise<void>;
}

// ── ZooKeeper ───────────────────────────────────────────────────────────────────────────────────────────────────

/** One checkpoint entry of a job in ZooKeeper. */
export interface HaCheckpoint {
  /** Decimal checkpoint id, without padding. */
  readonly id: string;
  readonly znode: string;
  /** 1.15 and later: no `locks` child means that Flink has marked it for deletion. */
  readonly markedForDeletion: boolean;
  /** The HA file that the entry points to, and the length it must have. Unknown when the bytes cannot be read. */
  readonly handle: Reading<{ readonly path: string; readonly size: number }>;
}

export interface HaJob {
  readonly run: RunId;
  /** A job graph or execution plan is stored: Flink will start this job again by itself. */
  readonly graph: boolean;
  /** The HA file with that graph or plan. Unknown when the bytes cannot be read. Left out: there is none. */
  readonly graphFile?: { readonly znode: string; readonly handle: HaCheckpoint['handle'] };
  /** Newest first; where an upgrade in place left an older tree behind, its entries come after those of the newer. */
  readonly checkpoints: readonly HaCheckpoint[];
  /** Next checkpoint id to hand out; null when there is no counter node, or its bytes are no counter. */
  readonly counter: number | null;
}

/** The HA data of one Flink cluster, read in one session after a `sync`, over all layouts of Flink 1.3 to 2.x. */
export interface HaCluster {
  /** Every job with a graph, checkpoints or a counter in any layout. */
  readonly jobs: readonly HaJob[];
  /** REST address of the leading JobManager; null when no leader is recorded. */
  readonly leader: string | null;
}

/** Flink's HA data. Read only: there is no call that writes. */
export interface HaStore {
  /**
   * `absent`: the root was seen and the cluster's node is not there. A missing root is `unknown(ConfigInvalid)`: probably
   * the wrong ensemble or root. Default deadline 6 s.
   */
  cluster(at: { readonly root: string; readonly clusterId: string }, call: Call): Promise<Reading<HaCluster>>;
}

// ── Flink ───────────────────────────────────────────────────────────────────────────────────────────────────────

export type FlinkState =
  | 'INITIALIZING'
  | 'CREATED'
  | 'RUNNING'
  | 'FAILING'
  | 'FAILED'
  | 'CANCELLING'
  | 'CANCELED'
  | 'FINISHED'
  | 'RESTARTING'
  | 'SUSPENDED'
  | 'RECONCILING';

export interface FlinkOverview {
  readonly version: string;
  readonly slotsTotal: number;
  readonly slotsAvailable: number;
  readonly taskManagers: number;
  /** Base URL of the JobManager that answered as leader. */
  readonly endpoint: string;
}

export interface FlinkJob {
  readonly run: RunId;
  readonly name: string;
  readonly state: FlinkState;
  /** Epoch milliseconds. */
  readonly startTime: number;
  /** Epoch milliseconds; null while it runs. */
  readonly endTime: number | null;
}

export interface FlinkJobDetail extends FlinkJob {
  /** Number of subtasks by state (`RUNNING`, `SCHEDULED`, …). */
  readonly tasks: Readonly<Record<string, number>>;
  /** Epoch milliseconds at which the job entered each state last. */
  readonly timestamps: Readonly<Record<string, number>>;
  readonly vertices: readonly { readonly id: string; readonly name: string; readonly parallelism: number }[];
}

export interface FlinkCheckpoint {
  readonly id: string;
  readonly status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
  readonly savepoint: boolean;
  /** A savepoint that stops the job (`SYNC_SAVEPOINT`). */
  readonly terminating: boolean;
  /** Directory; null when not completed or not externally addressable. */
  readonly path: string | null;
  readonly discarded: boolean;
  /** Epoch milliseconds. */
  readonly triggered: number;
  /** Bytes. */
  readonly stateSize: number;
  readonly failure: string | null;
}

export interface FlinkCheckpoints {
  readonly counts: {
    readonly completed: number;
    readonly failed: number;
    readonly restored: number;
    readonly inProgress: number;
  };
  readonly latestCompleted: FlinkCheckpoint | null;
  readonly latestSavepoint: FlinkCheckpoint | null;
  /** What the run was restored from; null when it started from nothing, or nobody restored it yet. */
  readonly restored: {
    readonly id: string;
    readonly path: string | null;
    readonly savepoint: boolean;
    readonly time: number;
  } | null;
  /** Newest first, as many as Flink remembers. */
  readonly history: readonly FlinkCheckpoint[];
}

export interface FlinkCheckpointConfig {
  /** Milliseconds. */
  readonly interval: number;
  /** Milliseconds. */
  readonly timeout: number;
  /** Checkpoints are kept when the job is cancelled. */
  readonly retainedOnCancellation: boolean;
  readonly tolerableFailed: number | null;
  readonly mode: 'exactly_once' | 'at_least_once';
}

export interface FlinkException {
  readonly name: string;
  /** Epoch milliseconds. */
  readonly time: number;
  readonly task: string | null;
  /** The deciding text: the last `Caused by`, else the first line; at most 500 characters. */
  readonly message: string;
  /** What it says of the state that a task was restoring; null or left out: nothing. */
  readonly refuses?: FailureCode | null;
}

/** What the Kafka sources of a run have counted since its tasks started, in one moment. */
export interface FlinkSourceCount {
  /** Records read. */
  readonly read: bigint;
  /** Next offset of every partition that has delivered a record. */
  readonly positions: readonly GroupOffset[];
}

export interface Submission {
  readonly run: RunId;
  readonly jar: { readonly file: string; readonly sha256: string };
  readonly entryClass: string | null;
  readonly args: readonly string[];
  readonly parallelism: number | null;
  /** Always a path, except for a person's `--from-nothing`. */
  readonly savepointPath: string | null;
  readonly flinkConfiguration: Readonly<Record<string, string>>;
}

export interface Flink {
  overview(call: Call): Promise<Reading<FlinkOverview>>;
  /** `/jobmanager/config` of the leader, with secrets left out. */
  configuration(call: Call): Promise<Reading<Readonly<Record<string, string>>>>;
  jobs(call: Call): Promise<Reading<readonly FlinkJob[]>>;
  /** `absent`: the leading JobManager does not know the run (it forgets ended ones). */
  job(run: RunId, call: Call): Promise<Reading<FlinkJobDetail>>;
  checkpoints(run: RunId, call: Call): Promise<Reading<FlinkCheckpoints>>;
  /** `absent`: checkpointing is off, or the run is not known. */
  checkpointConfig(run: RunId, call: Call): Promise<Reading<FlinkCheckpointConfig>>;
  /** Oldest first, so that the first fault comes before its side effects. */
  exceptions(run: RunId, call: Call): Promise<Reading<readonly FlinkException[]>>;
  /**
   * From the metrics of `KafkaSource` (Flink 1.14 and later), which the JobManager fetches every ten seconds by default.
   * `absent`: nothing is counted (yet), or the sources are of another kind, or read other topics.
   */
  sourceCount(run: RunId, topics: readonly string[], call: Call): Promise<Reading<FlinkSourceCount>>;
  /**
   * Submits a run with a fixed id in NO_CLAIM mode; the jar is uploaded when the leader does not have it by digest.
   * `accepted`: Flink has the job. `duplicate`: Flink already had a run with this id.
   * @throws SubmitInDoubt when no clear answer came; StateCorrupt, StateMissing, StateIncompatible, StateTooNew when Flink
   * refused the point; Storage… when Flink could not reach it; FlinkUnavailable when the call was never accepted;
   * JarMissing; AccessDenied; AuthFailed; Unclassified
   */
  submit(submission: Submission, call: Call): Promise<'accepted' | 'duplicate'>;
  /** @throws FlinkUnavailable when not confirmed. An already ended run is success. */
  cancel(run: RunId, call: Call): Promise<void>;
  /** Triggers a savepoint with a fixed trigger id and waits for it. Returns its directory. */
  savepoint(
    run: RunId,
    to: { readonly directory: string; readonly triggerId: string },
    call: Call,
  ): Promise<string>;
}

// ── Kafka ───────────────────────────────────────────────────────────────────────────────────────────────────────

export interface PartitionRange {
  readonly topic: string;
  readonly partition: number;
  /** First offset still there. */
  readonly start: bigint;
  /** One past the last record (the log end, not only the last stable offset). */
  readonly end: bigint;
}

export interface GroupOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

export interface RecordTime {
  readonly topic: string;
  readonly partition: number;
  /** Epoch milliseconds; null: there is no record at or after the offset. */
  readonly time: number | null;
  /** The record was written in a transaction: the end of it takes an offset of its own. */
  readonly transactional: boolean;
}

export interface GroupState {
  /** Kafka's state: `Empty`, `Stable`, `Dead` (does not exist) … */
  readonly state: string;
  readonly members: number;
  /** Committed offsets of the asked topics; partitions without one are left out. */
  readonly offsets: readonly GroupOffset[];
}

export interface TopicSettings {
  /** Milliseconds; null = unlimited. */
  readonly retentionMs: number | null;
  /** Bytes a partition; null = unlimited. */
  readonly retentionBytes: number | null;
  readonly compacted: boolean;
}

export interface Kafka {
  /** `absent`: a complete metadata answer of the cluster does not know the topic, twice. */
  ranges(topic: string, call: Call): Promise<Reading<readonly PartitionRange[]>>;
  /** First offset at or after a time in each partition; the log end where there is none. */
  offsetsAt(topic: string, time: number, call: Call): Promise<Reading<readonly GroupOffset[]>>;
  settings(topic: string, call: Call): Promise<Reading<TopicSettings>>;
  /** Record timestamps (epoch milliseconds) at the given offsets, or of the first record after them; null at the log end. */
  timestamps(at: readonly GroupOffset[], call: Call): Promise<Reading<readonly RecordTime[]>>;
  /** A group of Kafka 4's consumer protocol is unknown: its members cannot be seen with the requests that are spoken here. */
  group(group: string, topics: readonly string[], call: Call): Promise<Reading<GroupState>>;
  /**
   * Commits offsets of a group that has no members, all in one request, then reads back and compares each.
   * @throws KafkaUnavailable, AccessDenied, AuthFailed, OffsetsGone (an offset outside the log), TwinRunning (a live member)
   */
  commitGroup(group: string, offsets: readonly GroupOffset[], call: Call): Promise<void>;
}

// ── Commands ────────────────────────────────────────────────────────────────────────────────────────────────────

/** How a program of the operator ended. */
export interface Ran {
  /** The exit code; null: a signal of somebody else ended it. */
  readonly code: number | null;
  /** What it printed, the first 64 KB. */
  readonly out: string;
  /**
   * Null when the code is 0. Otherwise why it failed: by Flink's last `Caused by` where it printed one, else
   * `Unclassified` with the last lines of what it said.
   */
  readonly because: Fault | null;
}

/** The operator's own programs: launch and lookup of a job, start of a cluster. */
export interface Commands {
  /**
   * Runs a program to its end: an argument list, never a shell; in the folder of the configuration, with the worker's
   * environment, without input. What it leaves running in the background goes on. At the deadline [60 s] and when the
   * caller aborts, it and all that it started are killed.
   * @throws ConfigInvalid, AccessDenied: it was never started. Unclassified: it was cut off at the deadline.
   */
  run(command: readonly string[], call: Call): Promise<Ran>;
}

// ── People ──────────────────────────────────────────────────────────────────────────────────────────────────────

export type LinkedNotice = Notice & {
  /** The page of the case in the Temporal UI. */
  readonly link: string | null;
};

export type ReceiverAnswer =
  | { readonly is: 'taken' }
  /** `again`: trying again may help. */
  | { readonly is: 'refused'; readonly because: string; readonly again: boolean };

/** Somebody who is told of notices. */
export interface Receiver {
  /** Its place in the configuration: the address is a secret. */
  readonly name: string;
  readonly minSeverity: Severity;
  /** One try. Does not throw, except the abort reason of its own signal. Default deadline 10 s. */
  send(notice: LinkedNotice, call: Call): Promise<ReceiverAnswer>;
}

// ── All of them ─────────────────────────────────────────────────────────────────────────────────────────────────

/** The ports of everything that the configuration names, made once per process. */
export interface Ports {
  readonly clock: Clock;
  /** The storage that a URI belongs to; `StateForeign` when no configured storage owns it. */
  storageOf(uri: string): { readonly name: string; readonly storage: Storage } | Fault;
  storage(name: string): Storage;
  haStore(name: string): HaStore;
  flink(cluster: string): Flink;
  kafka(name: string): Kafka;
  readonly receivers: readonly Receiver[];
  /** Ends what is shared between calls (agents, caches). */
  close(): Promise<void>;
  readonly commands: Commands;
  /**
   * How a run ended, by Flink's archive of ended jobs (`jobmanager.archive.fs.dir`), the only witness when the JobManager
   * that saw it is gone. It is written after the end and only if the storage takes it: `absent` says nothing.
   */
  archivedEnd(directory: string, run: RunId, call: Call): Promise<Reading<{ readonly state: string }>>;
}
