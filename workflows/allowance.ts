/** What a case may still do: attempts, and time until the deadline. */
import { exhausted } from '../domain/attempts.js';
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
}

export const spent = (the: Case): Fault =>
  fault('AttemptsExhausted', `all ${the.granted ?? the.failed} attempts are spent`);
