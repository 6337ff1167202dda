/** The state of one running case: plain variables of the workflow, in one place. */
import { workflowInfo } from '@temporalio/workflow';
import type { OpenedCase } from '../activities/index.js';
import type { AttemptRecord, Phase, Restored, RungView } from '../domain/case.js';
import type { Began, Evidence } from '../domain/evidence.js';
import type { OpenSubmission } from '../domain/submission.js';
import { emptyDesk, type Desk } from '../domain/desk.js';
import type { LastPassState } from '../domain/exhausted.js';
import type { Fault } from '../domain/failure.js';
import type { ResumedOffsets } from '../domain/group-offsets.js';
import type { RunId } from '../domain/ids.js';
import { saidFromNothing, type FromNothing, type StartedFromNothing } from '../domain/kafka-from.js';
import type { LateCall } from '../domain/late-call.js';
import type { Repair } from '../domain/repair.js';
import type { RestorePoint } from '../domain/restore-point.js';
import { pointFromPath } from '../domain/restore-point.js';
import type { TimeLeft } from '../domain/time-left.js';
import type { ClusterStart } from '../domain/start-cluster.js';
import type { Stop } from '../domain/stop.js';
import type { Stuck } from '../domain/stuck.js';
import type { Stillness } from '../domain/witness.js';
import type { OwnRun } from '../domain/ledger.js';
import type { RecoverInput } from './messages.js';

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
  /** Keys of the notices that were sent of this case. */
  told: readonly string[];
  /** Notices on their way. */
  readonly telling: { underway: number };
  /** What has looked like a dead end, and since when. */
  stuck: Stuck | null;
  /** Failed attempts when attempts were last granted: the back-off begins anew there. */
  grantedAt: number;
  /** Points that Flink has refused although every file of them was sound. */
  refused: readonly string[];
  /** The one pass of `onExhausted: savepoint`. */
  lastPass: LastPassState;
  /** What was last done to the consumer group's offsets; null: nothing yet. */
  groupOffsets: ResumedOffsets | null;
  /** A person has said that the job is to start from nothing; until it is proved, or another word is heard. */
  fromNothing: FromNothing | null;
  /** The start from nothing that was submitted last, by whoever's word. */
  starting: StartedFromNothing | null;
  /** The run that was started from nothing and proved. */
  startedBlank: RunId | null;
  timeLeft: readonly TimeLeft[];
  /** Until when the standing hold lasts that was honoured last (epoch milliseconds); 0: none was. */
  honoured: number;
  /** Runs that this case has stopped, or was about to. */
  stopping: readonly RunId[];
  stops: readonly Stop[];
  /** Starts of the JobManager that this case has had done. */
  starts: readonly ClusterStart[];
  /** How often the job looked healthy and was not, since somebody last let the case go on. */
  sights: number;
  /** What a person was asked about and has rejected or aborted. */
  declined: readonly string[];
  /** How long what the old run leaves behind has stood still; null: nobody had to look. */
  still: Stillness | null;
  /** Alerts heard when the last look began at who can bring the job back, or at whether it resumed. */
  alertsLookedAt: number;
  /** A call of a settled submission that Flink may still take. */
  lateCall: LateCall | null;
  /** The run that this case has submitted last, and what it saw of it last; null: none. */
  own: OwnRun | null;
}

/** What each execution learns anew; all else outlives continue-as-new. */
const PASSING = [
  'input',
  'opened',
  'phase',
  'since',
  'step',
  'attemptStarted',
  'situation',
  'ladder',
  'waiting',
  'telling',
  'timeLeft',
] as const satisfies readonly (keyof Case)[];

type Passing = (typeof PASSING)[number];

/** The state of a case that outlives continue-as-new. */
export type Carried = Readonly<Omit<Case, Passing>>;

/** A new case, or the continuation of one after continue-as-new. Synchronous: it comes before the first await. */
export function newCase(input: RecoverInput): Case {
  const now = Date.now();
  const begun: Carried = {
    origin: input.carried?.origin ?? workflowInfo().firstExecutionRunId,
    openedAt: now,
    desk: emptyDesk,
    failed: 0,
    granted: null,
    failures: [],
    submissions: 0,
    submitted: [],
    openSubmission: null,
    chosen: input.from ? pointFromPath(input.from.path) : null,
    approved: [],
    failedWakes: 0,
    paused: 0,
    deadlineFrom: now,
    wokeEarly: false,
    soakUntil: null,
    because: null,
    restored: null,
    repairs: [],
    doubtedAt: now,
    stopped: null,
    told: [],
    stuck: null,
    grantedAt: 0,
    refused: [],
    lastPass: 'none',
    groupOffsets: null,
    fromNothing: saidFromNothing(input.fromNothing),
    starting: null,
    startedBlank: null,
    honoured: 0,
    stopping: [],
    stops: [],
    sights: 0,
    declined: [],
    starts: [],
    still: null,
    alertsLookedAt: 0,
    lateCall: null,
    own: null,
  };
  const passing: Pick<Case, Passing> = {
    input,
    opened: null,
    phase: 'opening',
    since: now,
    step: 'openCase',
    attemptStarted: now,
    situation: null,
    ladder: [],
    waiting: null,
    telling: { underway: 0 },
    timeLeft: [],
  };
  return { ...begun, ...input.carried, ...passing };
}

/** What outlives continue-as-new. */
export function carry(the: Case): Carried {
  const passing: ReadonlySet<string> = new Set(PASSING);
  return Object.fromEntries(
    Object.entries(the).filter(([field]) => !passing.has(field)),
  ) as unknown as Carried;
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
