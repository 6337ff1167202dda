/** What is known in one attempt, from the first look to the submission. */
import type { Fault } from './failure.js';
import type { RunId } from './ids.js';
import type { FromNothing } from './kafka-from.js';
import type { LateCall } from './late-call.js';
import type { Pointers } from './ladder.js';
import type { OffsetCheck } from './offsets.js';
import type { Policy } from './policy.js';
import type { Reading } from './reading.js';
import type { RepairCheck } from './repair.js';
import type { RestorePoint, Verdict } from './restore-point.js';
import type { Assessment } from './situation.js';
import type { Stuck } from './stuck.js';
import type { OpenSubmission } from './submission.js';
import type { Stillness } from './witness.js';

/** Everything known in this attempt so far. `null`: not looked at yet. */
export interface Evidence {
  readonly policy: Policy;
  /** Epoch milliseconds of the doubt that this case is about: a checkpoint from before proves nothing. */
  readonly since: number;
  readonly assessment: Assessment | null;
  readonly pointers: Pointers | null;
  /** Verdicts by path. */
  readonly verdicts: Readonly<Record<string, Verdict>>;
  /** Offset checks by path. `absent`: the job has no Kafka source configured. */
  readonly offsets: Readonly<Record<string, Reading<OffsetCheck>>>;
  /** Whether the dead end at hand may be repaired. */
  readonly repair: RepairCheck | null;
  readonly openSubmission: OpenSubmission | null;
  /** The runs that this case submitted and Flink took: they may be confirmed, never mistaken for strangers. */
  readonly submitted: readonly RunId[];
  /** What a person chose instead of the ladder's top. */
  readonly chosen: RestorePoint | null;
  /** Plans that a person has approved: {@link Plan.digest}s. */
  readonly approved: readonly string[];
  /** What looked like a dead end before this pass, and since when; null or left out: nothing. */
  readonly stuck?: Stuck | null;
  /** The one pass after the last attempt, in which a savepoint may be taken and nothing else [false]. */
  readonly lastPass?: boolean;
  /** Paths of points that Flink has refused although they were sound [none]. */
  readonly refused?: readonly string[];
  /** A person has said that the job is to start from nothing. */
  readonly fromNothing?: FromNothing | null;
  /** The run that this case has started from nothing: it is no blank run by accident. */
  readonly startedBlank?: RunId | null;
  /** How long what the old run leaves behind has stood still before this pass; null or left out: not looked at. */
  readonly still?: Stillness | null;
  /** A call of an earlier run id that may still be taken; null or left out: none. */
  readonly lateCall?: LateCall | null;
}

/** What is known before the first look. */
export const unseen = (policy: Policy): Evidence => ({
  policy,
  since: 0,
  assessment: null,
  pointers: null,
  verdicts: {},
  offsets: {},
  repair: null,
  openSubmission: null,
  submitted: [],
  chosen: null,
  approved: [],
});

/**
 * What a pass began with: everything that its decisions depend on and its own looks did not find. It is recorded with the
 * first look of the pass, so that whoever reads the history can decide again with the same function.
 */
export interface Began {
  /** Attempt k of N, counted from 1. A pass in which nothing failed counts no attempt: the next has the same k. */
  readonly attempt: number;
  /** N; null: unlimited. */
  readonly attempts: number | null;
  /** Why the case was aborted, while nobody has resumed it: it may look, and not act. */
  readonly stopped: Fault | null;
  /** The evidence before the first look. The policy is frozen with the case and left out. */
  readonly known: Omit<Evidence, 'policy'>;
}
