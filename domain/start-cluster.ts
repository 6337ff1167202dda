/**
 * When the JobManager may be started by the command of the configuration (design, 4.4). A pure function of one look, asked
 * twice: before a person is asked, and again immediately before the command. A JobManager that starts brings back whatever
 * ZooKeeper holds, so nothing may speak against that.
 */
import type { DeadEnd } from './dead-end.js';
import { fault, type Fault } from './failure.js';
import type { RunId } from './ids.js';
import type { Assessment } from './situation.js';
import { stuckAs } from './stuck.js';

export type NoJobManager = Extract<DeadEnd, { readonly is: 'NoJobManager' }>;

export type StartCheck =
  | {
      readonly is: 'ready';
      /** What speaks for it, one sentence each. */
      readonly proofs: readonly string[];
    }
  /** It does not look like that any more, or cannot be seen. */
  | { readonly is: 'over'; readonly because: string }
  /** No waiting makes it right. */
  | { readonly is: 'forbidden'; readonly because: string };

/** States after which nobody wants the run back. */
const WANTED = new Set(['CANCELLING', 'CANCELED', 'FINISHED']);

export function checkStart(deadEnd: NoJobManager, a: Assessment): StartCheck {
  const now = stuckAs(a);
  if (now === null || now.is !== 'NoJobManager' || now.run !== deadEnd.run)
    return {
      is: 'over',
      because: now === null ? 'a JobManager leads, or that cannot be seen' : `it is ${now.is} now`,
    };
  if (now.leader !== null)
    return { is: 'forbidden', because: `ZooKeeper names ${now.leader} as leader, so one runs already` };
  if (a.canStart !== true)
    return { is: 'forbidden', because: 'no startCluster is configured for the cluster' };
  const held = a.ha.is === 'present' ? a.ha.value.find((h) => h.run === deadEnd.run) : undefined;
  if (held === undefined || held.checkpoints === 0)
    return {
      is: 'forbidden',
      because: `ZooKeeper holds no checkpoint of run ${deadEnd.run}: a JobManager might start it from nothing`,
    };
  if (a.dirty.is === 'unknown')
    return { is: 'over', because: `the job results cannot be read: ${a.dirty.because.message}` };
  const empty = a.dirty.is === 'present' ? a.dirty.value.find((d) => d.length === 0) : undefined;
  if (empty !== undefined)
    return { is: 'forbidden', because: `none can start while ${empty.path} has no content` };
  if (a.lostEntries?.is !== 'present')
    return { is: 'over', because: 'the HA files behind the pointers in ZooKeeper cannot be seen' };
  const [lost] = a.lostEntries.value;
  if (lost !== undefined)
    return { is: 'forbidden', because: `none can start while the HA file behind ${lost.znode} is lost` };
  const runs = a.ledger.is === 'present' ? a.ledger.value.runs : [];
  const last = runs.find((r) => r.run === deadEnd.run);
  if (last !== undefined && WANTED.has(last.state))
    return {
      is: 'forbidden',
      because: `run ${deadEnd.run} was last seen ${last.state}: somebody wanted its end`,
    };
  return {
    is: 'ready',
    proofs: [
      'no JobManager answers, and ZooKeeper names no leader',
      'the storage is usable: a file was written and read back',
      `ZooKeeper holds ${held.checkpoints} checkpoints of run ${deadEnd.run}, and the HA file behind each is there`,
    ],
  };
}

/** A start of the JobManager that was done. Part of the case file. */
export interface ClusterStart {
  readonly run: RunId;
  /** Epoch milliseconds at which the command had ended. */
  readonly at: number;
  /** Who led after it; null: nobody within a minute. */
  readonly leader: string | null;
  readonly proofs: readonly string[];
}

/** Starting is tried again like every failed step: workers may differ in what they can start. */
export const notStarted = (run: RunId, why: string): Fault =>
  fault('FlinkRestarting', `not started: ${why}`, run);
