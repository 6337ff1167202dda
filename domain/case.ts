/** One recovery as people see it: what the query `status` answers, and what ends a case. */
import type { SeenAlert } from './alert.js';
import type { Hold, Question } from './desk.js';
import type { Fault } from './failure.js';
import type { ResumedOffsets } from './group-offsets.js';
import type { RunId } from './ids.js';
import type { StartedFromNothing } from './kafka-from.js';
import type { Repair } from './repair.js';
import type { RestorePoint } from './restore-point.js';
import type { TimeLeft } from './time-left.js';
import type { SkippedRange } from './skipped.js';
import type { Stop } from './stop.js';

export type Phase =
  | 'opening'
  | 'assessing'
  | 'watching'
  | 'fetching pointer'
  | 'reading state'
  | 'checking offsets'
  | 'resuming offsets'
  | 'restoring'
  | 'repairing'
  | 'stopping'
  | 'confirming'
  | 'waiting'
  | 'asking'
  | 'held'
  | 'aborted'
  | 'resumed'
  | 'closed'
  | 'resumed with a gap';

/** One failed attempt. */
export interface AttemptRecord {
  readonly attempt: number;
  /** Epoch milliseconds. */
  readonly started: number;
  readonly ended: number;
  /** The step in which it failed. */
  readonly step: string;
  readonly fault: Fault;
}

/** A rung of the ladder as shown to people. */
export interface RungView {
  readonly path: string;
  readonly id: string | null;
  readonly kind: RestorePoint['kind'];
  readonly sources: readonly string[];
  readonly verdict: 'not read' | 'sound' | 'broken' | 'unknown';
  /** One sentence on the verdict. */
  readonly because: string;
}

/** What was restored, and what proves it. */
export interface Restored {
  readonly point: string;
  readonly run: RunId;
  /** Epoch milliseconds of the submission's answer. */
  readonly submittedAt: number;
  /** Epoch milliseconds at which it was proved; null while unproven. */
  readonly provedAt: number | null;
  readonly proofs: readonly string[];
  /** Records that existed and that the restored run did not read. Left out: none. */
  readonly skipped?: readonly SkippedRange[];
  /** It was started from nothing: by whom, why, where in Kafka, and what was given up. Left out: it was restored. */
  readonly fromNothing?: StartedFromNothing;
}

/** As what a proved run counts: one that skipped records goes on, and is no success. */
export const resumedAs = (restored: Restored | null): 'resumed' | 'resumed with a gap' =>
  (restored?.skipped ?? []).length > 0 ? 'resumed with a gap' : 'resumed';

export interface CaseStatus {
  readonly job: string;
  readonly cluster: string;
  readonly phase: Phase;
  /** Epoch milliseconds since which the phase lasts. */
  readonly since: number;
  readonly openedAt: number;
  /** Attempt k of N, counted from 1; 0 before the first. */
  readonly attempt: number;
  /** N; null: unlimited. */
  readonly attempts: number | null;
  /** What this job's situation is (design, 4.2), with its evidence in one sentence. */
  readonly situation: { readonly is: string; readonly because: string } | null;
  readonly waiting: { readonly for: string; readonly since: number; readonly until: number } | null;
  /** The newest failed attempts, oldest first, at most 20. */
  readonly failures: readonly AttemptRecord[];
  readonly ladder: readonly RungView[];
  readonly restored: Restored | null;
  /** Repairs of dead ends that this case has had done, oldest first, at most 10. */
  readonly repairs: readonly Repair[];
  readonly question: Question | null;
  readonly hold: Hold | null;
  readonly alerts: readonly SeenAlert[];
  readonly alertsHeard: number;
  /** Why the case stands as it does when it is aborted, asking or closed. */
  readonly because: Fault | null;
  /** Commands that make sense now. */
  readonly next: readonly string[];
  /** What was done to the consumer group's offsets, with what they were before. Left out: nothing was tried. */
  readonly groupOffsets?: ResumedOffsets;
  /** How long what the recovery needs will last. */
  readonly timeLeft: readonly TimeLeft[];
  /** Runs that this case has stopped, oldest first. Left out: none. */
  readonly stops?: readonly Stop[];
}

/** How a case ended: the workflow's result. */
export interface CaseEnd {
  readonly outcome:
    | 'resumed'
    | 'healthy'
    | 'ended by a person'
    | 'closed'
    | 'handed over'
    | 'observed'
    | 'resumed with a gap';
  readonly job: string;
  readonly cluster: string;
  readonly attempts: number;
  readonly restored: Restored | null;
  readonly because: string;
  /** Workflow id that goes on, after `handed over`. */
  readonly link: string | null;
}
