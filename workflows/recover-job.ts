import { CancellationScope, makeContinueAsNewFunc, workflowInfo } from '@temporalio/workflow';
import { resumedAs, type CaseEnd } from '../domain/case.js';
import { decide, decideFault } from '../domain/decide.js';
import { unseen, type Evidence } from '../domain/evidence.js';
import { fault, type Fault } from '../domain/failure.js';
import { isComparedNext, newestKnown, withAssessed, withRead } from '../domain/look-ahead.js';
import type { LookReport } from '../domain/look.js';
import { recoveryAborted } from './aborted.js';
import { asEnded, deadlinePassed, isLate, mayAsk, mayTry } from './allowance.js';
import { began, carry, newCase, openedOf, type Case } from './case.js';
import { isOver } from './ending.js';
import { giveUp, stillStopped } from './exhaustion.js';
import { abortByCancel, openDesk } from './front-desk.js';
import { heardFromNothing, startFromNothing } from './from-nothing.js';
import { look } from './look.js';
import type { RecoverInput } from './messages.js';
import { begin, honour } from './opening.js';
import {
  afterAbort,
  afterFailure,
  afterResumed,
  alertedSince,
  answered,
  takeChoice,
  untilMended,
  untilReleased,
  unlessSpoken,
} from './pauses.js';
import { repair } from './repair.js';
import { stop } from './stop.js';
import { allTold } from './notices.js';
import * as steps from './steps.js';
import { endOf, faultFrom, tell } from './story.js';
import { confirm, own, settle, submit, type Outcome } from './submission.js';

/** One recovery, from the first alert to its end; with `mode: look` only what it would restore. */
export async function recoverJob(input: RecoverInput): Promise<CaseEnd | LookReport> {
  if (input.mode === 'look') return look(input);
  const the = newCase(input);
  openDesk(the);
  // A workflow cancel is an abort by nobody in particular: nothing is cut off, everything is kept.
  CancellationScope.current().cancelRequested.catch(() => abortByCancel(the));
  return CancellationScope.nonCancellable(() => recover(the).finally(() => allTold(the.telling)));
}

async function recover(the: Case): Promise<CaseEnd> {
  if (await begin(the)) return endOf(the, 'handed over', 'the one case of this job has another id');
  for (;;) {
    await untilReleased(the);
    if (workflowInfo().continueAsNewSuggested) {
      await allTold(the.telling);
      await makeContinueAsNewFunc<typeof recoverJob>()({ ...the.input, carried: carry(the) });
    }
    const outcome = await settled(the, await attempt(the));
    const end = await endAfter(the, outcome);
    if (end === null || !(await isOver(the))) continue;
    if (end instanceof Error) throw end;
    return end;
  }
}

/** Waits where the outcome of a pass wants that; null: look again. An aborted case ends as a failure. */
async function endAfter(the: Case, outcome: Outcome): Promise<CaseEnd | Error | null> {
  switch (outcome.is) {
    case 'left':
      if (alertedSince(the)) return null;
      return endOf(the, outcome.as, outcome.because);
    case 'resumed':
      if (!(await afterResumed(the))) return null;
      return endOf(the, resumedAs(the.restored), 'the restored run is proved and the soak is over');
    case 'asks':
      return (await answered(the, outcome.plan)) === 'close'
        ? endOf(the, 'closed', 'closed by a person')
        : null;
    case 'aborted':
      return (await afterAbort(the)) === 'close' ? recoveryAborted(the) : null;
    case 'failed':
    case 'late':
    case 'again':
      return null;
  }
}

/** After the last failed attempt nothing more is tried; and a healthy job that this case restored is resumed, not left. */
async function settled(the: Case, outcome: Outcome): Promise<Outcome> {
  if (outcome.is === 'failed' && the.stopped !== null) return stillStopped(the);
  if (outcome.is === 'failed' && the.lastPass === 'now')
    the.because = asEnded(the, lastPassFailed(outcome.fault));
  else if (outcome.is === 'failed' && (await afterFailure(the, outcome.fault)) === 'try again')
    return outcome;
  if (outcome.is === 'late') the.because = deadlinePassed(the, outcome.because);
  if (outcome.is === 'failed' || outcome.is === 'late') return giveUp(the);
  if (outcome.is === 'resumed' && the.lastPass === 'now') the.lastPass = 'over';
  if (outcome.is === 'left' && outcome.as === 'healthy' && the.restored !== null) return { is: 'resumed' };
  return outcome;
}

/** One whole pass: look, decide, look further, until there is something to do or to wait for. */
async function attempt(the: Case): Promise<Outcome> {
  const { job, policy } = openedOf(the);
  const { submitted } = the;
  takeChoice(the);
  the.attemptStarted = Date.now();
  let e: Evidence = {
    ...unseen(policy),
    since: the.doubtedAt,
    openSubmission: the.openSubmission,
    submitted,
    chosen: the.chosen,
    approved: the.approved,
    stuck: the.stuck,
    lastPass: the.lastPass === 'now',
    refused: the.refused,
    fromNothing: heardFromNothing(the),
    startedBlank: the.startedBlank,
    still: the.still,
    lateCall: the.lateCall,
  };
  try {
    for (;;) {
      await untilReleased(the);
      if (the.desk.abort !== null) return { is: 'aborted' };
      const next = decide(e);
      switch (next.do) {
        case 'assess':
          tell(the, 'assessing', 'assessRun');
          the.alertsLookedAt = the.desk.alertsHeard;
          e = withAssessed(
            e,
            await steps.assessRun(
              { job, submitted, stopped: the.stopping, began: began(the, e), ...own(the) },
              `attempt ${the.failed + 1}: who can bring ${job} back?`,
            ),
          );
          honour(the, e.assessment?.hold ?? null);
          e = { ...e, openSubmission: settle(the, e.assessment), lateCall: the.lateCall };
          if (e.pointers !== null) tell(the, 'fetching pointer', 'fetchPointer', e);
          break;
        case 'fetchPointer':
          tell(the, 'fetching pointer', 'fetchPointer', e);
          e = {
            ...e,
            pointers: await steps.fetchPointer({ job, submitted, ...own(the) }, 'where is its state?'),
          };
          break;
        case 'readState': {
          tell(the, 'reading state', 'readState', e);
          const { point } = next;
          const andOffsets = isComparedNext(e, point);
          e = withRead(
            e,
            point,
            await steps.readState(
              { job, point, andOffsets, ...newestKnown(e, point) },
              `is ${point.path} sound?`,
            ),
          );
          if (e.offsets[point.path] !== undefined) tell(the, 'checking offsets', 'checkOffsets', e);
          break;
        }
        case 'checkOffsets': {
          tell(the, 'checking offsets', 'checkOffsets', e);
          const { path } = next.point;
          const check = await steps.checkOffsets(
            { job, point: next.point },
            'does Kafka still hold what follows?',
          );
          e = { ...e, offsets: { ...e.offsets, [path]: check } };
          break;
        }
        case 'restore':
          if (!mayTry(the)) return stillStopped(the);
          return await submit(the, next, e);
        case 'start':
          if (!mayTry(the)) return stillStopped(the);
          return await startFromNothing(the, next, e);
        case 'confirm':
          return await confirm(the, next.run, next.point);
        case 'watch':
          tell(the, 'watching', 'watchRun', e);
          if (isLate(the)) return { is: 'late', because: next.because };
          await unlessSpoken(the, () =>
            steps.watchRun(
              { job, run: next.run, until: 'settled', lookAt: next.lookAt ?? null },
              next.because,
            ),
          );
          return { is: 'again' };
        case 'checkRepair': {
          tell(the, 'assessing', 'examineDeadEnd', e);
          const { deadEnd } = next;
          const check = await steps.examineDeadEnd({ job, deadEnd }, `may ${deadEnd.path} be set aside?`);
          e = { ...e, repair: check };
          break;
        }
        case 'repair':
          return await repair(the, next, e);
        case 'stop':
          if (the.stopped !== null) return stillStopped(the);
          return await stop(the, next, e);
        case 'await':
          tell(the, the.phase, the.step, e);
          // Where nothing may be submitted, nothing has to be proved dead for it.
          if (next.because.code === 'NotProvedDead' && !mayTry(the)) return stillStopped(the);
          if (isLate(the)) return { is: 'late', because: next.because.message };
          await untilMended(the, next);
          return { is: 'again' };
        case 'leave':
          tell(the, the.phase, 'assessRun', e);
          return { is: 'left', as: next.outcome, because: next.because };
        case 'ask':
          tell(the, the.phase, the.step, e);
          if (!mayAsk(the, next.plan, e.pointers !== null)) return stillStopped(the);
          return { is: 'asks', plan: next.plan };
        case 'fail':
          tell(the, the.phase, the.step, e);
          return lost(next.fault);
        case 'abort':
          tell(the, the.phase, the.step, e);
          the.because = asEnded(the, next.fault);
          return { is: 'aborted' };
      }
    }
  } catch (error) {
    return lost(faultFrom(error, the.step));
  }
}

function lost(fault: Fault): Outcome {
  const next = decideFault(fault);
  return next.do === 'fail' ? { is: 'failed', fault } : { is: 'asks', plan: next.plan };
}

const lastPassFailed = (last: Fault): Fault =>
  fault('AttemptsExhausted', `the one pass for a savepoint failed too: ${last.message}`, last.where);
