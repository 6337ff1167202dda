/** Everything between attempts: waiting, being held, being asked, having given up, soaking. */
import { CancellationScope, condition, sleep } from '@temporalio/workflow';
import { backoffAfter, exhausted, stabilityAfter } from '../domain/attempts.js';
import { resumedAs } from '../domain/case.js';
import type { Next, Plan } from '../domain/decide.js';
import { dependencyOf, type Dependency } from '../domain/dependency.js';
import type { Question } from '../domain/desk.js';
import { fault, type Fault } from '../domain/failure.js';
import { pointFromPath } from '../domain/restore-point.js';
import { openedOf, type Case } from './case.js';
import * as steps from './steps.js';
import { tell } from './story.js';

/** Faults that are themselves a sight of the dependency being down. A missing block is not: the rest may be up. */
const SEEN_DOWN = new Set<Fault['code']>([
  'StorageUnavailable',
  'StorageStandby',
  'StorageSafeMode',
  'StorageNotWritable',
  'HaStoreUnavailable',
  'FlinkUnavailable',
  'KafkaUnavailable',
]);

/** No course waits longer for something than this (milliseconds) before it looks at everything again. */
const LOOK_AGAIN = 10 * 60_000;

/** Somebody said something that a wait must not outlast. */
const spokenTo = (the: Case): boolean =>
  the.desk.retryNow !== null || the.desk.abort !== null || the.desk.hold !== null;

/** Runs a step that only waits, until it ends or somebody speaks. */
export async function unlessSpoken(the: Case, wait: () => Promise<unknown>): Promise<void> {
  let ended: { readonly error: unknown } | 'well' | null = null;
  const scope = new CancellationScope();
  void scope.run(wait).then(
    () => (ended = 'well'),
    (error: unknown) => (ended = { error }),
  );
  await condition(() => ended !== null || spokenTo(the));
  const how = ended as { readonly error: unknown } | 'well' | null;
  scope.cancel();
  the.desk = { ...the.desk, retryNow: null };
  if (how !== null && how !== 'well') throw how.error;
}

/**
 * Waits until a dependency is back or a time has come. Nothing was tried, so nothing is counted; never shorter than
 * `backoff.initial`.
 */
export async function untilMended(the: Case, next: Extract<Next, { do: 'await' }>): Promise<void> {
  const { policy, job } = openedOf(the);
  const now = Date.now();
  const notBefore = now + policy.backoff.initial;
  const until = Math.max(notBefore, Math.min(next.until ?? Number.POSITIVE_INFINITY, now + LOOK_AGAIN));
  const dependency = next.for;
  the.because = next.because;
  the.waiting = { for: dependency ?? 'the next look', since: now, until };
  tell(the, 'waiting', 'awaitReturn');
  let mended = false;
  const scope = new CancellationScope();
  if (dependency !== null) {
    const input = { job, dependency, stableFor: policy.stableFor, seenDown: true };
    void scope
      .run(async () => {
        await steps.awaitReturn(input, `waiting for ${dependency}: ${next.because.message}`);
        await sleep(Math.max(1, notBefore - Date.now()), { summary: 'never earlier than backoff.initial' });
        mended = true;
      })
      .catch(() => undefined);
  }
  const summary = `${next.because.code}: ${next.because.message}`.slice(0, 150);
  await condition(() => mended || spokenTo(the), until - now, { summary });
  scope.cancel();
  the.desk = { ...the.desk, retryNow: null };
  the.waiting = null;
  the.because = null;
}

/** A hold acts between steps; the deadline stands still meanwhile. */
export async function untilReleased(the: Case): Promise<void> {
  if (the.desk.hold === null) return;
  const before = the.phase;
  tell(the, 'held');
  const since = Date.now();
  await condition(() => the.desk.hold === null || the.desk.abort !== null);
  the.paused += Date.now() - since;
  tell(the, before);
}

/** Counts a failed attempt and waits. `give up`: it was the last one. */
export async function afterFailure(the: Case, failure: Fault): Promise<'try again' | 'give up'> {
  const { policy, job } = openedOf(the);
  const now = Date.now();
  the.failed++;
  const record = {
    attempt: the.failed,
    started: the.attemptStarted,
    ended: now,
    step: the.step,
    fault: failure,
  };
  the.failures = [...the.failures, record].slice(-20);
  if (the.wokeEarly) the.failedWakes++;
  the.wokeEarly = false;
  if (exhausted(the.failed, the.granted)) {
    const last = `attempt ${the.failed} of ${the.granted} failed: ${failure.message}`;
    the.because = fault('AttemptsExhausted', last, failure.where);
    return 'give up';
  }
  const left = the.deadlineFrom + policy.deadline + the.paused - now;
  if (left <= 0) {
    the.because = fault(
      'DeadlinePassed',
      `not recovered within ${policy.deadline / 1000} s; last: ${failure.message}`,
      failure.where,
    );
    return 'give up';
  }
  const wait = Math.min(left, backoffAfter(the.failed, policy.backoff, Math.random()));
  const dependency = dependencyOf(failure.code);
  the.because = failure;
  the.waiting = { for: dependency ?? 'the next attempt', since: now, until: now + wait };
  tell(the, 'waiting', 'awaitReturn');
  await waitOrWake(the, job, dependency, failure, wait);
  the.waiting = null;
  the.because = null;
  return 'try again';
}

/** The whole back-off, unless the dependency is seen to come back, or a person says so. Never earlier than its initial. */
async function waitOrWake(
  the: Case,
  job: string,
  dependency: Dependency | null,
  failure: Fault,
  wait: number,
): Promise<void> {
  const { policy } = openedOf(the);
  const notBefore = Date.now() + policy.backoff.initial;
  const scope = new CancellationScope();
  if (dependency !== null) {
    const input = {
      job,
      dependency,
      stableFor: stabilityAfter(the.failedWakes, policy),
      seenDown: SEEN_DOWN.has(failure.code),
    };
    void scope
      .run(async () => {
        const back = await steps.awaitReturn(input, `waiting for ${dependency}: ${failure.message}`);
        if (back.is !== 'returned') return;
        await sleep(Math.max(1, notBefore - Date.now()), { summary: 'never earlier than backoff.initial' });
        the.wokeEarly = true;
      })
      .catch(() => undefined);
  }
  const spoken = () => the.desk.retryNow !== null || the.desk.abort !== null;
  const next = new Date(Date.now() + wait).toISOString().slice(11, 19);
  const of = the.granted === null ? '' : ` of ${the.granted}`;
  const summary = `attempt ${the.failed}${of} failed: ${failure.code}. Next at ${next} UTC${dependency === null ? '' : `, or when ${dependency} is back`}`;
  await condition(() => the.wokeEarly || spoken(), wait, { summary });
  scope.cancel();
  the.desk = { ...the.desk, retryNow: null };
}

/** Waits for a person's answer. After consent the attempt looks again: the world may have moved. */
export async function answered(the: Case, plan: Plan): Promise<'close' | 'look again'> {
  const { policy, job } = openedOf(the);
  const now = Date.now();
  const question: Question = {
    id: `${the.failed + 1}-${plan.digest}`,
    about: plan.about,
    text: plan.text,
    approves: plan.approves,
    choices: plan.choices,
    askedAt: now,
    expiresAt: now + policy.approvalExpires,
  };
  the.because = plan.because;
  the.desk = { ...the.desk, standing: 'asking', question, answer: null };
  tell(the, 'asking');
  const { desk } = the;
  const spoken = () =>
    the.desk.answer !== null ||
    the.desk.abort !== null ||
    the.desk.close !== null ||
    the.desk.retryNow !== null;
  const scope = new CancellationScope();
  let healthy = false;
  // What a person does by hand instead of answering may well bring the job back.
  if (plan.about === 'dead end') {
    const input = { job, run: null, until: 'healthy' } as const;
    void scope
      .run(() => steps.watchRun(input, 'asked: watching whether the job is healthy meanwhile'))
      .then(() => (healthy = true))
      .catch(() => undefined);
  }
  await condition(() => healthy || spoken(), policy.approvalExpires, { summary: `asking: ${plan.about}` });
  scope.cancel();
  the.paused += Date.now() - now;
  const { answer, close, abort } = the.desk;
  the.desk = { ...the.desk, standing: 'working', question: null, answer: null, retryNow: null };
  if (close !== null) return 'close';
  if (abort !== null || answer === null) return 'look again';
  switch (answer.is) {
    case 'approve':
      the.approved = [...the.approved, plan.digest];
      break;
    case 'choose':
      the.chosen = pointFromPath(answer.path);
      break;
    case 'reject':
      the.because = fault('Rejected', `${answer.by}: ${answer.reason} (${desk.question?.text ?? plan.text})`);
      the.desk = { ...the.desk, abort: { by: answer.by, reason: answer.reason } };
  }
  return 'look again';
}

/**
 * Nothing more is tried; everything is kept. The execution stays open as the one case of its job: alerts join it and
 * start nothing. It ends when the job is proved healthy, goes on with `resume`, or is closed.
 */
export async function afterAbort(the: Case): Promise<'close' | 'look again'> {
  const { policy, job } = openedOf(the);
  const { abort } = the.desk;
  if (abort !== null && the.because?.code !== 'Rejected')
    the.because = fault('Aborted', `${abort.by}: ${abort.reason}`);
  the.stopped = the.because;
  the.desk = { ...the.desk, standing: 'aborted', abort: null, resume: null, retryNow: null };
  tell(the, 'aborted');
  let healthy = false;
  const scope = new CancellationScope();
  void scope
    .run(() =>
      steps.watchRun(
        { job, run: null, until: 'healthy' },
        'aborted: only watching whether the job is healthy',
      ),
    )
    .then(() => (healthy = true))
    .catch(() => undefined);
  await condition(() => healthy || the.desk.resume !== null || the.desk.close !== null);
  scope.cancel();
  if (the.desk.close !== null) return 'close';
  if (the.desk.resume !== null && the.granted !== null)
    the.granted = the.failed + Math.max(1, policy.attempts ?? 0);
  // A run that somebody else started is looked at; what was aborted goes on only when a person resumes it.
  if (the.desk.resume !== null) the.stopped = null;
  the.desk = { ...the.desk, standing: 'working', resume: null };
  the.because = null;
  the.doubtedAt = Date.now();
  the.deadlineFrom = Date.now();
  the.paused = 0;
  return 'look again';
}

/** The restored run is proved and published; the case stays open for `soak`. False: a new alert wants a look. */
export async function afterResumed(the: Case): Promise<boolean> {
  const { policy } = openedOf(the);
  the.desk = { ...the.desk, standing: 'soaking' };
  the.soakUntil ??= Date.now() + policy.soak;
  the.waiting = { for: 'soak', since: Date.now(), until: the.soakUntil };
  tell(the, resumedAs(the.restored));
  const { alertsHeard } = the.desk;
  const stirred = () =>
    the.desk.alertsHeard > alertsHeard || the.desk.close !== null || the.desk.abort !== null;
  const left = Math.max(1, the.soakUntil - Date.now());
  const early = await condition(stirred, left, {
    summary: `resumed from ${the.restored?.point ?? ''}; soak`,
  });
  the.waiting = null;
  if (early) the.doubtedAt = Date.now();
  // An abort stays: a run that is lost after it is not brought back.
  the.desk = { ...the.desk, standing: 'working' };
  return !early || the.desk.close !== null;
}
