/** What a case may still do: attempts, and time until the deadline. */
import { exhausted } from '../domain/attempts.js';
import { BLANK_RUN, type Plan } from '../domain/next.js';
import { EXHAUSTED } from '../domain/exhausted.js';
import { fault, type Fault } from '../domain/failure.js';
import { openedOf, type Case } from './case.js';

/** Milliseconds until the deadline. It stands still while people are asked or hold the case. */
export const timeLeft = (the: Case): number =>
  the.deadlineFrom + openedOf(the).policy.deadline + the.paused - Date.now();

/** Whether a wait for others may go on. A case that was stopped already only looks. */
export const isLate = (the: Case): boolean => the.stopped === null && timeLeft(the) <= 0;

export const deadlinePassed = (the: Case, last: string, where?: string): Fault =>
  fault(
    'DeadlinePassed',
    `not recovered within ${openedOf(the).policy.deadline / 1000} s; last: ${last}`,
    where,
  );

/** Whether a submission may be made: somebody granted an attempt that has not failed yet, and nobody has stopped the case. */
export const mayTry = (the: Case): boolean =>
  the.stopped === null && (the.lastPass === 'now' || !exhausted(the.failed, the.granted));

/** N more attempts with a deadline of their own; the back-off begins anew. */
export function grantMore(the: Case): void {
  const { policy } = openedOf(the);
  if (the.granted !== null) the.granted = the.failed + Math.max(1, policy.attempts ?? 0);
  the.grantedAt = the.failed;
  the.failedWakes = 0;
  the.deadlineFrom = Date.now();
  the.paused = 0;
  the.stopped = null;
  the.lastPass = 'none';
  the.declined = [];
  the.sights = 0;
}

/** Whether consent to this plan is a word to go on as well: who has a run stopped wants the restore that it is for. */
export const goesOn = (the: Case, { about }: Plan): boolean =>
  about === EXHAUSTED || (about === BLANK_RUN && the.stopped !== null);

/**
 * Whether a stopped case may ask this. That a run undercounts is news to whoever stopped it, and so is everything that
 * shows before any restore point is looked at; what would be restored is no question while nothing may be. Nothing that
 * somebody has declined is asked again.
 */
export const mayAsk = (the: Case, plan: Plan, looked: boolean): boolean =>
  the.stopped === null || (!the.declined.includes(matterOf(plan)) && (plan.about === BLANK_RUN || !looked));

/** What a plan is about, whatever else may be chosen by now. */
export const matterOf = ({ about, because }: Plan): string => [about, because.code, because.where].join(' ');

/** The one pass for a savepoint follows the last attempt, or the deadline: people are to read which of them it was. */
export const asEnded = (the: Case, because: Fault): Fault =>
  because.code === 'AttemptsExhausted' && !exhausted(the.failed, the.granted)
    ? { ...because, code: 'DeadlinePassed' }
    : because;

export const spent = (the: Case): Fault =>
  fault('AttemptsExhausted', `all ${the.granted ?? the.failed} attempts are spent`);
