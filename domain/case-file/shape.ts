/**
 * The case file: one recovery as it happened, explained. A pure fold of the workflow's history, readable without a
 * worker and by somebody who was asleep. Its JSON is a contract: fields are only added, and {@link CASE_FILE_FORMAT}
 * grows when one changes its meaning. All times are epoch milliseconds; `null` where nobody knows yet.
 */
import type { AbortLedger } from '../abort-ledger.js';
import type { SeenAlert } from '../alert.js';
import type { CaseEnd, Restored, RungView } from '../case.js';
import type { Next } from '../next.js';
import type { Said } from '../desk.js';
import type { Fault } from '../failure.js';
import type { ExecutionEnd } from './history.js';
import type { Policy } from '../policy.js';
import type { Repair } from '../repair.js';
import type { ClusterStart } from '../start-cluster.js';
import type { Stop } from '../stop.js';

export const CASE_FILE_FORMAT = 1;

export interface CaseFile {
  readonly format: typeof CASE_FILE_FORMAT;
  readonly job: string | null;
  readonly cluster: string | null;
  readonly opened: Opening | null;
  /** Frozen when the case was opened. */
  readonly policy: Policy | null;
  /** SHA-256 of the configuration it was opened with. */
  readonly configDigest: string | null;
  readonly state: CaseState;
  /** Failed attempts so far, and how many are granted (null: unlimited). */
  readonly attempts: { readonly failed: number; readonly granted: number | null };
  /** What was left behind when an aborted case was closed; null: it was not. */
  readonly left: AbortLedger | null;
  readonly restored: Restored | null;
  /** The ladder as it was last seen. */
  readonly ladder: readonly RungView[];
  readonly submissions: readonly Submission[];
  /** The consumer group's offsets before they were changed: what an undo needs. */
  readonly undo: readonly Undo[];
  readonly repairs: readonly Repair[];
  /** Runs that this case has stopped. */
  readonly stops: readonly Stop[];
  /** Starts of the JobManager that this case has had done. */
  readonly starts: readonly ClusterStart[];
  /** What people were told, and whether it was sent. */
  readonly notices: readonly Told[];
  readonly alerts: readonly SeenAlert[];
  /** All alerts, repetitions included. */
  readonly alertsHeard: number;
  /** Everything in order. */
  readonly story: readonly Entry[];
  /** The executions that the case ran in, oldest first: a long case continues as a new one. */
  readonly executions: readonly Execution[];
  /** What the server or a worker had to do again. Such retries are no attempts. */
  readonly technical: readonly { readonly at: number; readonly what: string }[];
  /** What this history does not tell, one sentence each. Empty: it is complete. */
  readonly missing: readonly string[];
  /** Events that this version does not know, by name. */
  readonly unknownEvents: Readonly<Record<string, number>>;
}

export interface Execution {
  readonly runId: string;
  readonly started: number;
  readonly ended: number | null;
  readonly how: ExecutionEnd | 'open';
  readonly events: number;
}

export interface Opening {
  readonly at: number;
  readonly by: 'alert' | 'person' | 'hand';
  /** One sentence. */
  readonly because: string;
  /** The restore point that a person asked for; null: the ladder decides. */
  readonly from: string | null;
  /** Steps that froze its policy, or handed it over. */
  readonly steps: readonly Step[];
}

/** A notice on its way to people. */
export interface Told {
  readonly at: number;
  readonly what: string;
  readonly sent: 'yes' | 'no' | 'not told';
}

export interface CaseState {
  readonly is: 'open' | 'ended' | 'failed' | 'cancelled' | 'terminated' | 'timed out';
  readonly at: number | null;
  readonly outcome: CaseEnd['outcome'] | null;
  /** One sentence: how it ended, or what it is doing. */
  readonly because: string;
  /** Workflow id that goes on; null: none. */
  readonly goesOnAs: string | null;
}

export type Entry = Pass | Wait | Message | AlertHeard | Continued;

/** One whole pass: look, decide, look further. `attempt` is counted from 1; a pass that fails uses it up. */
export interface Pass {
  readonly is: 'pass';
  readonly attempt: number;
  readonly attempts: number | null;
  readonly from: number;
  readonly to: number | null;
  readonly decisions: readonly Decision[];
  /** The ladder with what this pass found out about each rung. */
  readonly ladder: readonly RungView[];
  readonly end: PassEnd;
}

export interface PassEnd {
  readonly is:
    'failed' | 'resumed' | 'asks' | 'waits' | 'aborted' | 'left' | 'again' | 'at work' | 'not told';
  /** One sentence. */
  readonly because: string;
  readonly fault: Fault | null;
}

/** One decision, made again from what was known, by the function that made it. */
export interface Decision {
  readonly at: number;
  readonly do: Next['do'];
  /** What was to be done, one sentence. */
  readonly what: string;
  /** Why, one sentence. */
  readonly because: string;
  /** The people whose word it rests on. */
  readonly consent: readonly (Said & { readonly to: string })[];
  /**
   * Whether the history shows what was decided. `overruled`: a person stopped it first. `differs`: it shows something
   * else; this version would decide otherwise than the one that was at work. `open`: the history ends here.
   */
  readonly taken: 'yes' | 'overruled' | 'differs' | 'open';
  /** What happened instead; null: what was decided. */
  readonly instead: string | null;
  readonly steps: readonly Step[];
}

export interface Step {
  readonly name: string;
  /** What was asked of the outside, as the Temporal UI shows it. */
  readonly asked: string;
  readonly from: number;
  readonly to: number | null;
  /** From 1; more than one: technical retries, which are no attempts. */
  readonly tries: number;
  /** Why the try before was lost; null when there was none. */
  readonly lost: string | null;
  readonly answer: 'found' | 'failed' | 'called off' | 'none yet';
  /** One sentence. */
  readonly found: string;
  readonly findings: readonly Finding[];
  readonly fault: Fault | null;
}

/** One line of what a step found. The first three are readings; `unknown` says why it could not be looked at. */
export interface Finding {
  readonly of: string;
  readonly is: 'present' | 'absent' | 'unknown' | 'sound' | 'broken' | 'proof' | 'note';
  readonly text: string;
}

export type WaitFor =
  /** The back-off after a failed attempt, or the return of what it failed on. */
  | 'the next attempt'
  /** A dependency, before anything was tried. */
  | 'a dependency'
  /** Flink brings the job back by itself. */
  | 'Flink'
  | 'an answer'
  | 'release'
  /** Nothing more is tried until a person says so, or the job is healthy. */
  /** Usable storage, for the one pass of `onExhausted: savepoint`. */
  | 'usable storage'
  | 'a person, after the abort'
  | 'the soak';

export interface Wait {
  readonly is: 'wait';
  readonly for: WaitFor;
  readonly from: number;
  readonly to: number | null;
  /** When it would have ended by itself; null: never. */
  readonly until: number | null;
  /** Why it began, one sentence. */
  readonly because: string;
  readonly fault: Fault | null;
  readonly question: Asked | null;
  readonly steps: readonly Step[];
  /** What ended it; null while it lasts. */
  readonly endedBy: EndedBy | null;
}

export interface Asked {
  /** Null: the history does not tell. */
  readonly id: string | null;
  readonly about: string;
  readonly text: string;
  readonly approves: string | null;
  readonly choices: readonly string[];
}

export interface EndedBy {
  readonly is: 'time' | 'person' | 'dependency' | 'Flink' | 'alert' | 'workflow cancel' | 'the end';
  readonly at: number;
  /** One sentence. */
  readonly text: string;
}

/** What a person said. */
export interface Message extends Said {
  readonly is: 'message';
  readonly at: number;
  readonly kind: string;
  readonly question: string | null;
  readonly path: string | null;
  /** Why it was refused; null: it was heard. */
  readonly refused: string | null;
}

export interface AlertHeard {
  readonly is: 'alert';
  readonly at: number;
  readonly kind: 'raised' | 'resolved';
  readonly source: string;
  readonly summary: string;
  /** The same alert was heard before. */
  readonly repeated: boolean;
}

/** The history grew long: the same case goes on in a new execution. */
export interface Continued {
  readonly is: 'continued';
  readonly at: number;
  readonly as: string;
}

/** One call that submits the job. The same run id may be called again when its answer was not clear. */
export interface Submission {
  readonly at: number;
  readonly to: number | null;
  readonly attempt: number;
  readonly run: string;
  /** The id under which Flink shows it; another than `run` where a launch command could not choose it. */
  readonly shown: string;
  readonly point: string;
  readonly because: string;
  /** What was verified of the point before the call, one line each. */
  readonly verified: readonly Finding[];
  /** SHA-256 of the metadata that was verified. */
  readonly sha256: string | null;
  readonly answer: 'accepted' | 'duplicate' | 'ended' | 'refused' | 'in doubt' | 'none yet';
  readonly fault: Fault | null;
  /** What proves that this run resumed; empty: not proved. */
  readonly proofs: readonly string[];
  readonly provedAt: number | null;
}

export interface Undo {
  readonly at: number;
  readonly group: string;
  /** `topic/partition=offset`. */
  readonly before: readonly string[];
  /** How many partitions were changed. */
  readonly changed: number;
}
