/** The state of one running case: plain variables of the workflow, in one place. */
import { workflowInfo } from '@temporalio/workflow';
import type { OpenedCase } from '../activities/index.js';
import type { AttemptRecord, Phase, Restored, RungView } from '../domain/case.js';
import type { Began, Evidence, OpenSubmission } from '../domain/decide.js';
import { emptyDesk, type Desk } from '../domain/desk.js';
import type { Fault } from '../domain/failure.js';
import type { RunId } from '../domain/ids.js';
import type { Repair } from '../domain/repair.js';
import type { RestorePoint } from '../domain/restore-point.js';
import { pointFromPath } from '../domain/restore-point.js';
import type { Stuck } from '../domain/stuck.js';
import type { Carried, RecoverInput } from './messages.js';

export interface Case {
  readonly input: RecoverInput;
  /** First execution run id: the root of all run ids of this case. */
  readonly origin: string;
  readonly openedAt: number;
  /** Null until `openCase` has answered. */
  opened: OpenedCase | null;
  desk: Desk;
  phase: Phase;
  since: number;
  /** The step at work, for the record of a failed attempt. */
  step: string;
  /** Failed attempts so far, and how many are granted (null: unlimited). */
  failed: number;
  granted: number | null;
  attemptStarted: number;
  failures: readonly AttemptRecord[];
  /** Submissions so far: the running number in the next run id. */
  submissions: number;
  submitted: readonly RunId[];
  openSubmission: OpenSubmission | null;
  chosen: RestorePoint | null;
  approved: readonly string[];
  /** Early wakes in a row whose attempt failed. */
  failedWakes: number;
  /** Milliseconds during which people were asked or held the case: the deadline stands still. */
  paused: number;
  /** The deadline counts from here: the first alert, or the last `resume`. Epoch milliseconds. */
  deadlineFrom: number;
  /** The wait before this attempt was ended by the dependency's return. */
  wokeEarly: boolean;
  /** Epoch milliseconds at which the soak ends; null before anything was restored. */
  soakUntil: number | null;
  situation: { readonly is: string; readonly because: string } | null;
  ladder: readonly RungView[];
  waiting: { readonly for: string; readonly since: number; readonly until: number } | null;
  because: Fault | null;
  restored: Restored | null;
  repairs: readonly Repair[];
  /** A checkpoint from before this time (epoch milliseconds) does not prove the job healthy. */
  doubtedAt: number;
  /** Why it was aborted, while nobody has resumed it: it may look, and not act. */
  stopped: Fault | null;
  /** What has looked like a dead end, and since when. */
  stuck: Stuck | null;
}

/** A new case, or the continuation of one after continue-as-new. Synchronous: it comes before the first await. */
export function newCase(input: RecoverInput): Case {
  const now = Date.now();
  const c: Partial<Carried> = input.carried ?? {};
  return {
    input,
    origin: c.origin ?? workflowInfo().firstExecutionRunId,
    openedAt: c.openedAt ?? now,
    opened: null,
    desk: c.desk ?? emptyDesk,
    phase: 'opening',
    since: now,
    step: 'openCase',
    failed: c.failed ?? 0,
    granted: c.granted ?? null,
    attemptStarted: now,
    failures: c.failures ?? [],
    submissions: c.submissions ?? 0,
    submitted: c.submitted ?? [],
    openSubmission: c.openSubmission ?? null,
    chosen: c.chosen ?? (input.from ? pointFromPath(input.from.path) : null),
    approved: c.approved ?? [],
    failedWakes: c.failedWakes ?? 0,
    paused: c.paused ?? 0,
    deadlineFrom: c.deadlineFrom ?? now,
    wokeEarly: false,
    soakUntil: c.soakUntil ?? null,
    situation: null,
    ladder: [],
    waiting: null,
    because: c.because ?? null,
    restored: c.restored ?? null,
    repairs: c.repairs ?? [],
    doubtedAt: c.doubtedAt ?? now,
    stopped: c.stopped ?? null,
    stuck: c.stuck ?? null,
  };
}

/** What outlives continue-as-new. */
export function carry(the: Case): Carried {
  const { origin, openedAt, desk, failed, granted, failures, submissions, submitted } = the;
  const {
    openSubmission,
    chosen,
    approved,
    failedWakes,
    paused,
    deadlineFrom,
    soakUntil,
    because,
    restored,
    repairs,
    doubtedAt,
    stopped,
    stuck,
  } = the;
  return {
    origin,
    openedAt,
    desk,
    failed,
    granted,
    failures,
    submissions,
    submitted,
    openSubmission,
    chosen,
    approved,
    failedWakes,
    paused,
    deadlineFrom,
    soakUntil,
    because,
    restored,
    repairs,
    doubtedAt,
    stopped,
    stuck,
  };
}

/** The opened case. Only valid after `openCase`. */
export function openedOf(the: Case): OpenedCase {
  if (the.opened === null) throw new Error('the case is used before it was opened');
  return the.opened;
}

/** The record of what a pass begins with. */
export function began(the: Case, { policy: _, ...known }: Evidence): Began {
  return { attempt: the.failed + 1, attempts: the.granted, stopped: the.stopped, known };
}
