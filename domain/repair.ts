/**
 * When a dead end may be repaired (design, 4.4). A pure function of one look, asked twice: before a person is asked,
 * and again immediately before the repair.
 */
import type { DeadEnd } from './dead-end.js';
import type { Dependency } from './dependency.js';
import { fault, type Fault } from './failure.js';
import type { RunId } from './ids.js';
import type { JobLedger } from './ledger.js';
import type { Reading } from './reading.js';
import type { HaView } from './situation.js';
import type { ClusterStart, NoJobManager } from './start-cluster.js';

export type EmptyJobResult = Extract<DeadEnd, { readonly is: 'EmptyJobResult' }>;

/** Dead ends that Holdfast can end when a person agrees. */
export type Repairable = EmptyJobResult | NoJobManager;

/**
 * One approved repair. `modified`: what was approved, by its time (epoch milliseconds): the file's own, or since when no
 * JobManager leads.
 */
export interface RepairRequest {
  readonly job: string;
  readonly deadEnd: Repairable;
  readonly modified: number;
}

/**
 * How long the file must have been left alone (milliseconds). HDFS still listed it as open a minute after its writer was
 * killed, so "open" says nothing of a writer. What does: no JobManager leads, and nothing was written for twice the time
 * after which HDFS itself gives a lease to somebody else (its soft limit, 60 s).
 */
export const UNCHANGED_FOR = 120_000;

/** Everything one look found out about an empty job result. */
export interface RepairEvidence {
  /** Epoch milliseconds of the look. */
  readonly at: number;
  /** Null: proved usable, a file written and read back. */
  readonly storage: Fault | null;
  /** The leading JobManager; only what answers as leader is present. */
  readonly leader: Reading<{ readonly endpoint: string }>;
  /** The file as it is now. Length in bytes, `modified` in epoch milliseconds. */
  readonly file: Reading<{ readonly length: number; readonly modified: number }>;
  readonly ha: Reading<readonly Pick<HaView, 'run' | 'checkpoints'>[]>;
  readonly ledger: Reading<JobLedger>;
}

export type RepairCheck =
  | {
      readonly is: 'ready';
      /** The file that the repair is about, by its time (epoch milliseconds): another one needs another approval. */
      readonly modified: number;
      /** What speaks for it, one sentence each. */
      readonly proofs: readonly string[];
    }
  /** Nothing to repair any more: the file is gone, or has content, or a JobManager leads. */
  | { readonly is: 'over'; readonly because: string }
  /** Not yet: `until` (epoch milliseconds) or the return of the dependency mends it. */
  | {
      readonly is: 'wait';
      readonly for: Dependency | null;
      readonly until: number | null;
      readonly because: Fault;
    }
  /** No waiting makes it right: only explained. */
  | { readonly is: 'forbidden'; readonly because: string };

/** Why nothing was done, in words. */
export function sayCheck(check: RepairCheck): string {
  if (!('because' in check)) return check.is;
  return typeof check.because === 'string' ? check.because : check.because.message;
}

/** States after which a job result is what somebody wanted: bringing that run back would undo it. */
const WANTED = new Set(['CANCELLING', 'CANCELED', 'FINISHED']);

/** Whether the empty job result may be renamed aside now. The order matters: what cannot be seen is never decided. */
export function checkRepair(deadEnd: EmptyJobResult, e: RepairEvidence): RepairCheck {
  if (e.storage !== null) return { is: 'wait', for: 'storage', until: null, because: e.storage };
  if (e.leader.is === 'present')
    return { is: 'over', because: `a JobManager leads at ${e.leader.value.endpoint}` };
  if (e.leader.is === 'unknown' && !ANSWERS_NOT.has(e.leader.because.code))
    return { is: 'wait', for: null, until: e.at + LOOK_AGAIN, because: e.leader.because };
  if (e.file.is === 'unknown') return { is: 'wait', for: 'storage', until: null, because: e.file.because };
  if (e.file.is === 'absent') return { is: 'over', because: `${deadEnd.path} is gone` };
  const { length, modified } = e.file.value;
  if (length > 0) return { is: 'over', because: `${deadEnd.path} has ${length} bytes now` };
  if (e.ha.is === 'unknown') return { is: 'wait', for: 'zookeeper', until: null, because: e.ha.because };
  const held = e.ha.is === 'present' ? e.ha.value.find((h) => h.run === deadEnd.run) : undefined;
  if (held === undefined || held.checkpoints === 0)
    return { is: 'forbidden', because: `ZooKeeper holds no checkpoint of run ${deadEnd.run}` };
  if (e.ledger.is === 'unknown')
    return { is: 'wait', for: null, until: e.at + LOOK_AGAIN, because: e.ledger.because };
  const last = e.ledger.is === 'present' ? e.ledger.value.runs.find((r) => r.run === deadEnd.run) : undefined;
  if (last === undefined) return { is: 'forbidden', because: `nobody has watched run ${deadEnd.run}` };
  if (WANTED.has(last.state))
    return {
      is: 'forbidden',
      because: `run ${deadEnd.run} was last seen ${last.state}: somebody wanted its end`,
    };
  const until = modified + UNCHANGED_FOR;
  if (until > e.at) return { is: 'wait', for: null, until, because: young(deadEnd, modified, e.at) };
  return {
    is: 'ready',
    modified,
    proofs: [
      'the storage is usable: a file was written and read back',
      'no JobManager leads',
      `the file has 0 bytes and was not changed for ${seconds(e.at - modified)} s`,
      `ZooKeeper holds ${held.checkpoints} checkpoints of the run`,
      lastSeen(deadEnd.run, last.state, last.seen, modified),
    ],
  };
}

/** Milliseconds after which something that could not be seen is looked at again. */
const LOOK_AGAIN = 10_000;
/** Answers of a cluster without a leader. Refused credentials, for example, are none. */
const ANSWERS_NOT = new Set<Fault['code']>(['FlinkUnavailable', 'FlinkRestarting']);

const seconds = (ms: number): number => Math.round(ms / 1000);

const young = (deadEnd: EmptyJobResult, modified: number, at: number): Fault =>
  fault(
    'FlinkRestarting',
    `the job result is empty for ${seconds(at - modified)} s; whoever writes it has ${seconds(UNCHANGED_FOR)} s`,
    deadEnd.path,
  );

function lastSeen(run: RunId, state: string, seen: number, modified: number): string {
  const apart = seconds(modified - seen);
  const when = apart >= 0 ? `${apart} s before the file was made` : `${-apart} s after the file was made`;
  return `run ${run} was last seen ${state}, ${when}: nobody was seen cancelling it`;
}

/**
 * The name that an empty job result is given. Flink reads what ends in `.json` in that directory, and nothing else.
 * Made of the file's own time, so that a repair that was cut off finds what it did.
 */
export function asideName(deadEnd: EmptyJobResult, modified: number): string {
  const cut = deadEnd.path.lastIndexOf('/') + 1;
  const time = new Date(modified).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${deadEnd.path.slice(0, cut)}holdfast-aside-${time}-${deadEnd.path.slice(cut)}.empty`;
}

/** A repair that was done: what was there, and where it is now. Part of the case file. */
export interface Repair {
  readonly deadEnd: EmptyJobResult;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly was: { readonly length: number; readonly modified: number };
  readonly proofs: readonly string[];
}

export type RepairOutcome =
  | { readonly is: 'repaired'; readonly repair: Repair }
  /** Nothing was done; the check says why. */
  | { readonly is: 'not done'; readonly check: RepairCheck }
  | { readonly is: 'failed'; readonly fault: Fault }
  /** The JobManager was started. */
  | { readonly is: 'started'; readonly start: ClusterStart };
