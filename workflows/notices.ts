/** People are told beside the course of a case: nothing waits for it, nothing fails by it. */
import { condition, log, workflowInfo } from '@temporalio/workflow';
import { noticeOfCase } from '../domain/case-notice.js';
import { atLeast, type Notice } from '../domain/notice.js';
import type { Case } from './case.js';
import * as steps from './steps.js';

/** How many notices are on their way. */
export interface Telling {
  underway: number;
}

/** Sends a notice; whoever must not end before it is sent waits for {@link allTold}. */
export function send(telling: Telling, notice: Notice): void {
  telling.underway++;
  steps
    .notify(notice, `${notice.kind} ${notice.state}: ${notice.summary}`)
    .catch((error: unknown) => log.warn('a notice was not sent', { kind: notice.kind, error: String(error) }))
    .finally(() => telling.underway--);
}

export const allTold = (telling: Telling): Promise<void> => condition(() => telling.underway === 0);

/** Tells people of where the case stands now, once for each occasion, if anybody wants to be told. */
export function tellPeople(the: Case): void {
  const from = the.opened?.noticesFrom ?? null;
  if (from === null) return;
  const notice = noticeOfCase({
    job: the.opened?.job ?? the.input.job,
    cluster: the.opened?.cluster ?? '',
    workflowId: workflowInfo().workflowId,
    origin: the.origin,
    phase: the.phase,
    failed: the.failed,
    because: the.because,
    question: the.desk.question,
    restored: the.restored,
    situation: the.situation,
    firstAlert: the.desk.alerts[0]?.alert.summary ?? null,
    told: the.told,
    at: Date.now(),
  });
  if (notice === null || !atLeast(notice.severity, from)) return;
  the.told = [...the.told, notice.key].slice(-MOST_TOLD);
  send(the.telling, notice);
}

/** Notices that are remembered, to tell none twice and to end them all. */
const MOST_TOLD = 30;
