/** The dangerous part of an attempt: a run id recorded before the call, one submission, the proof. */
import { stillOpen } from '../domain/decide.js';
import type { Evidence } from '../domain/evidence.js';
import { calledAgain, takenFrom, type OpenSubmission, type Submitted } from '../domain/submission.js';
import type { Next, Plan } from '../domain/next.js';
import { submissionRunId } from '../domain/attempts.js';
import { fault, type Fault } from '../domain/failure.js';
import { keepFirst } from '../domain/group-offsets.js';
import type { RunId } from '../domain/ids.js';
import { NOTHING } from '../domain/kafka-from.js';
import { called, lateCallOf } from '../domain/late-call.js';
import { judgesPoint } from '../domain/last-pass.js';
import type { OwnRun } from '../domain/ledger.js';
import { expiredTransactions } from '../domain/offsets.js';
import { situationOf, type Assessment } from '../domain/situation.js';
import { gapIn } from '../domain/skipped.js';
import { stillStuck } from '../domain/stuck.js';
import { exceptGroup, stillSince } from '../domain/witness.js';
import { openedOf, type Case } from './case.js';
import * as steps from './steps.js';
import { faultFrom, tell } from './story.js';

/** How one pass of the attempt loop ended. */
export type Outcome =
  | { readonly is: 'resumed' }
  | { readonly is: 'left'; readonly as: 'healthy' | 'ended by a person'; readonly because: string }
  | { readonly is: 'asks'; readonly plan: Plan }
  | { readonly is: 'failed'; readonly fault: Fault }
  | { readonly is: 'aborted' }
  /** Nothing failed and nothing is settled: look again. */
  | { readonly is: 'again' }
  /** Nothing failed, and the deadline has passed while others were waited for. */
  | { readonly is: 'late'; readonly because: string };

/** The submission that is still open after a look: a run of ours that Flink shows as ended is settled. */
export function settle(the: Case, assessment: Assessment | null): OpenSubmission | null {
  if (assessment !== null) {
    the.stuck = stillStuck(the.stuck, assessment);
    the.still = stillSince(the.still, assessment);
  }
  if (stillOpen(the.openSubmission, assessment, the.approved) === null) leave(the);
  return the.openSubmission;
}

/** The run that this case has submitted last, for whoever looks what became of it. */
export const own = (the: Case): { readonly own?: OwnRun } => (the.own === null ? {} : { own: the.own });

/** What was seen of a run of this case. */
function sawOwn(the: Case, run: RunId, point: string, state: string | null, seen: number): void {
  const before = the.own?.run === run ? the.own : { started: seen };
  the.own = { ...before, run, point: point === NOTHING ? null : point, state, seen };
}

/** The fate of the open submission is known. */
function leave(the: Case): void {
  if (the.openSubmission !== null) the.lateCall = lateCallOf(the.openSubmission, the.lateCall);
  the.openSubmission = null;
}

/** Failures of a submission after which the job may be starting all the same. */
const KEEPS_OPEN = new Set<Fault['code']>(['SubmitInDoubt', 'LaunchInDoubt', 'Unclassified']);

export async function submit(
  the: Case,
  next: Extract<Next, { do: 'restore' }>,
  e: Evidence,
): Promise<Outcome> {
  const { job } = openedOf(the);
  const { point, facts } = next;
  const checked = e.offsets[point.path];
  tell(the, 'resuming offsets', 'resumeOffsets', e);
  // An attempt before this one did it, and the group was just seen where it was brought to.
  const done = the.groupOffsets?.left === null && checked?.is === 'present' && checked.value.groupInLine;
  if (done !== true) {
    const resumed = await steps.resumeOffsets(
      { job, point: point.path },
      'bring the consumer group to the positions of the state',
    );
    if (resumed.left === null) the.still = exceptGroup(the.still);
    the.groupOffsets = keepFirst(the.groupOffsets, resumed);
  }
  // A hold and an abort act between steps: this is the last place before the one step that cannot be taken back.
  // So does a word to start from nothing: nobody restores what a person has just given up.
  if (the.desk.hold !== null || the.desk.abort !== null || the.desk.fromNothing) return { is: 'again' };

  const gone = checked?.is === 'present' ? checked.value.gone.slice(0, 100) : [];
  const expired = checked?.is === 'present' ? expiredTransactions(checked.value, point.time) : null;
  const accepted = expired === null ? [] : [expired];
  const consented = e.assessment !== null && situationOf(e.assessment).is === 'vanished';
  return launch(the, e, { point: point.path, gone, accepted }, (run, inDoubt) => {
    const { submitted } = the;
    const input = {
      job,
      run,
      point,
      sha256: facts.sha256,
      submitted,
      stopped: the.stopping,
      inDoubt,
      consented,
      ...(the.still === null ? {} : { still: the.still }),
      ...own(the),
    };
    return steps.restoreJob(input, `restore ${point.path} as run ${run}`);
  });
}

/**
 * One submission under a run id that is recorded before the call, and its proof.
 * @param of what is submitted: kept with the id while it is open whether Flink took it
 * @param call the step that submits it
 */
export async function launch(
  the: Case,
  e: Evidence,
  of: Submitted,
  call: (run: RunId, inDoubt: boolean) => ReturnType<typeof steps.restoreJob>,
): Promise<Outcome> {
  const before = the.openSubmission;
  const run = before?.run ?? submissionRunId(the.origin, ++the.submissions);
  // Of a submission in doubt it is still open whether Flink took it, with the point that it named.
  the.openSubmission = before === null ? { run, ...of } : calledAgain(before, of);
  if (!the.submitted.includes(run)) the.submitted = [...the.submitted, run];
  tell(the, 'restoring', 'restoreJob', e);
  try {
    const outcome = await call(run, before !== null);
    if (outcome.is === 'ended') {
      if (outcome.state !== null) sawOwn(the, run, of.point, outcome.state, outcome.at);
      leave(the);
      return {
        is: 'failed',
        fault: fault('RestoreTimedOut', `run ${run} is ${outcome.state ?? 'over'} already`, run),
      };
    }
    const shown = outcome.shown ?? run;
    const { is, at, repeated = false } = outcome;
    const taken = is === 'accepted' ? { run, ...of } : the.openSubmission;
    the.openSubmission = { ...taken, shown, ...called(the.openSubmission, { is, repeated, at }) };
    if (!the.submitted.includes(shown)) the.submitted = [...the.submitted, shown];
    the.restored = { point: taken.point, run: shown, submittedAt: outcome.at, provedAt: null, proofs: [] };
    sawOwn(the, shown, taken.point, null, outcome.at);
  } catch (error) {
    const why = faultFrom(error, 'restoreJob');
    if (KEEPS_OPEN.has(why.code))
      the.openSubmission = {
        ...the.openSubmission,
        ...called(the.openSubmission, { is: 'in doubt', repeated: false, at: Date.now() }),
      };
    // A clear refusal of the first call of this id closes it. In doubt, or open from before: every later attempt uses it.
    if (before === null && !KEEPS_OPEN.has(why.code)) the.openSubmission = null;
    if (before === null && judgesPoint(why.code) && of.point !== NOTHING) noteRefusal(the, of.point);
    throw error;
  }
  return confirm(the, the.openSubmission.shown ?? run, the.openSubmission.point);
}

/** Every file of the point was sound, and Flink could not restore it: what that means is decided after the last attempt. */
function noteRefusal(the: Case, point: string): void {
  if (!the.refused.includes(point)) the.refused = [...the.refused, point].slice(-20);
}

/** RUNNING is not recovered: wait for the proof. A run whose tasks run is never submitted again. */
export async function confirm(the: Case, run: RunId, point: string): Promise<Outcome> {
  const { job } = openedOf(the);
  tell(the, 'confirming', 'confirmRestored');
  const open: OpenSubmission = the.openSubmission ?? { run, point };
  const { gone = [], start, accepted = [] } = takenFrom(open, point);
  the.alertsLookedAt = the.desk.alertsHeard;
  const confirmation = await steps.confirmRestored(
    { job, run, point, gone, ...(start === undefined ? {} : { start }) },
    `prove that run ${run} resumed`,
  );
  switch (confirmation.is) {
    case 'proved': {
      const { at, proofs, skipped = [] } = confirmation;
      const submittedAt = the.restored?.run === run ? the.restored.submittedAt : at;
      the.restored = { point, run, submittedAt, provedAt: at, proofs: [...proofs, ...accepted], skipped };
      sawOwn(the, run, point, 'RUNNING', at);
      if (start !== undefined) startedFromNothing(the, run);
      leave(the);
      the.failedWakes = 0;
      the.soakUntil = null;
      // What a person chose and approved was for this restore, not for the next one.
      the.chosen = null;
      the.fromNothing = null;
      the.approved = [];
      the.refused = [];
      the.because = gapIn(skipped, run);
      return { is: 'resumed' };
    }
    case 'dead':
      leave(the);
      the.restored = null;
      if (confirmation.state !== undefined) sawOwn(the, run, point, confirmation.state, Date.now());
      if (confirmation.refused === true) noteRefusal(the, point);
      return { is: 'failed', fault: confirmation.fault };
    case 'unproven':
      the.because = fault('RestoreTimedOut', `run ${run} is not proved yet: ${confirmation.missing}`, run);
      return { is: 'again' };
  }
}

/** The word was for this start, not for the next failure. */
function startedFromNothing(the: Case, run: RunId): void {
  if (the.starting !== null && the.restored !== null)
    the.restored = { ...the.restored, fromNothing: the.starting };
  the.startedBlank = run;
  the.fromNothing = null;
  the.starting = null;
}
