/**
 * A call that got no answer may be taken long after another call of the same run id was. While that run lives Flink refuses
 * it as a duplicate. Once the run has ended Flink takes the id again: beside the next run, under another id, the late call
 * would start a second one.
 */
import { fault } from './failure.js';
import type { RunId } from './ids.js';
import type { Next } from './next.js';
import type { OpenSubmission } from './submission.js';
import { timeOfDay } from './words.js';

/** Flink gives a submission up after 300 s, and we wait 340 s for its answer (milliseconds). */
export const TAKEN_WITHIN = 340_000;

/** Meanwhile the late call may be taken, and the job with it: looked at so often (milliseconds). */
const LOOK_EVERY = 60_000;

export interface LateCall {
  readonly run: RunId;
  /** From then on Flink takes it no more (epoch milliseconds). */
  readonly until: number;
}

/** How one call of a submission came out, as far as later ones must know. */
export interface CallOutcome {
  /** `duplicate`: Flink had the run already, so an earlier call was taken. */
  readonly is: 'accepted' | 'duplicate' | 'in doubt';
  /** The step was lost and repeated: a call was perhaps made before this one. */
  readonly repeated: boolean;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** The calls of one run id, with one more. */
export function called(
  before: Pick<OpenSubmission, 'calls' | 'doubtedAt'>,
  { is, repeated, at }: CallOutcome,
): Pick<OpenSubmission, 'calls' | 'doubtedAt'> {
  const calls = (before.calls ?? 0) + (repeated ? 1 : 0) + (is === 'duplicate' ? 0 : 1);
  const doubtedAt = repeated || is === 'in doubt' ? at : before.doubtedAt;
  return { calls, ...(doubtedAt === undefined ? {} : { doubtedAt }) };
}

/**
 * What may still come of a submission that is settled. One call was taken: of more than one, the others were not answered.
 * @param known what may still come of those before it
 */
export function lateCallOf(settled: OpenSubmission, known: LateCall | null): LateCall | null {
  const { run, calls = 0, doubtedAt } = settled;
  if (calls < 2 || doubtedAt === undefined) return known;
  return { run, until: Math.max(doubtedAt + TAKEN_WITHIN, known?.until ?? 0) };
}

/** Nothing is submitted under another run id before a late call can no longer be taken; null: there is none. */
export function awaitLateCall(late: LateCall | null, now: number): Next | null {
  if (late === null || now >= late.until) return null;
  const because = fault(
    'SubmitInDoubt',
    `a call with run id ${late.run} got no answer, and Flink may take it until ${timeOfDay(late.until)} UTC: no other run is submitted before`,
    late.run,
  );
  return { do: 'await', for: null, until: Math.min(late.until, now + LOOK_EVERY), because };
}
