import type { Fault } from './failure.js';
import { runId, type RunId } from './ids.js';

/** A checkpoint or savepoint that a run could start from. */
export interface RestorePoint {
  /** Full URI of the directory, with scheme: `hdfs://nn:8020/flink/checkpoints/<run>/chk-12`. */
  readonly path: string;
  readonly kind: 'checkpoint' | 'savepoint';
  /** Flink's checkpoint id, decimal. Ids order the points of one run; they begin anew with each run. Null when no source told it. */
  readonly id: string | null;
  /** The run that wrote it; null when no source told it. */
  readonly run: RunId | null;
  /** When it was triggered or completed, epoch milliseconds; null when unknown. Never used for ordering. */
  readonly time: number | null;
  /** True for the savepoint with which a person stopped the run: it is the run's newest snapshot. */
  readonly terminating: boolean;
}

/** What is known of a restore point after looking at every file of it. */
export type Verdict =
  | { readonly is: 'sound'; readonly facts: SnapshotFacts }
  | { readonly is: 'broken'; readonly reasons: readonly Fault[] }
  | { readonly is: 'unknown'; readonly reasons: readonly Fault[] };

/** What a sound restore point contains, as far as decisions need it. */
export interface SnapshotFacts {
  readonly formatVersion: number;
  /** Flink's id of the snapshot as written in its metadata, decimal. */
  readonly checkpointId: string;
  readonly operators: number;
  readonly files: number;
  /** Bytes of all referenced files, and of the metadata itself. */
  readonly bytes: number;
  /** Digest of the metadata file, lower-case hex SHA-256: the point that was verified is the point that is restored. */
  readonly sha256: string;
  /** Changelog or forked handles, or written before Flink 1.15: cannot be restored in NO_CLAIM mode without consequences. */
  readonly claimHazards: readonly string[];
  /** How many Kafka partitions it holds positions of, and the first 50 of them for people. */
  readonly partitions: number;
  readonly positions: readonly KafkaPosition[];
}

/** Where a restored source continues in one partition. */
export interface KafkaPosition {
  readonly operatorId: string;
  readonly topic: string;
  readonly partition: number;
  /** The next offset to read, decimal; or a {@link KafkaMarker} that the source resolves when it starts. */
  readonly next: string;
}

/** Where a source starts that has no offset yet; it resolves the marker itself. */
export type KafkaMarker = 'earliest' | 'latest' | 'committed' | 'unset' | 'unassigned';

/** A concrete offset; anything else is a {@link KafkaMarker}. */
export const isConcrete = (next: string): boolean => /^\d+$/.test(next);

/** Who named a restore point. */
export type PointSource =
  'zookeeper' | 'flink' | 'ledger' | 'directory' | 'savepoint' | 'restored' | 'person';

/**
 * What a directory's name tells: `…/<run>/chk-12` is checkpoint 12 of that run, anything else a savepoint of unknown id.
 * The name is where Flink put it, so it is only a first guess; the metadata's own id is compared when it is read.
 */
export function pointFromPath(path: string): RestorePoint {
  const match = /(?:\/([0-9a-f]{32}))?\/chk-(\d+)\/?$/.exec(path);
  return {
    path: path.replace(/\/+$/, ''),
    kind: match === null ? 'savepoint' : 'checkpoint',
    id: match?.[2] ?? null,
    run: match?.[1] === undefined ? null : runId(match[1]),
    time: null,
    terminating: false,
  };
}
