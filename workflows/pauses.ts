/** Everything between attempts: waiting, being held, being asked, having given up, soaking. */
import { CancellationScope, condition } from '@temporalio/workflow';
import type { AwaitInput, Return } from '../activities/index.js';
import { backoffAfter, exhausted, stabilityAfter } from '../domain/attempts.js';
import { resumedAs, type Phase } from '../domain/case.js';
import type { Next, Plan } from '../domain/next.js';
import { dependencyOf, type Dependency } from '../domain/dependency.js';
import type { Question } from '../domain/desk.js';
import { EXHAUSTED } from '../domain/exhausted.js';
import { fault, type Fault } from '../domain/failure.js';
import { pointFromPath } from '../domain/restore-point.js';
import { deadlinePassed, goesOn, grantMore, matterOf, timeLeft } from './allowance.js';
import { stopConsent } from '../domain/stop.js';
import { callsOf } from '../domain/submission.js';
import { timeOfDay } from '../domain/words.js';
import { openedOf, type Case } from './case.js';
import { untilSeenHealthy } from './sight.js';
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

/** Phases that a hold does not lead back to. */
const AT_REST = new Set<Phase>(['aborted', 'asking', 'resumed', 'resumed with a gap', 'closed']);

/** Somebody said something that a wait must not outlast. */
const spokenTo = (the: Case): boolean =>
  the.desk.retryNow !== null ||
  the.desk.abort !== null ||
  the.desk.hold !== null ||
  the.desk.answer?.is === 'choose';

/** A restore point that a person named while nobody was asked: the next look begins with it. */
export function takeChoice(the: Case): boolean {
  const { answer } = the.desk;
  if (answer?.is !== 'choose') return false;
  the.chosen = pointFromPath(answer.path);
  the.desk = { ...the.desk, answer: null };
  return true;
}

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
  const summary = `${next.because.code}: ${next.because.message}`;
  if (dependency === null) await condition(() => spokenTo(the), until - now, { summary: brief(summary) });
  else {
    const wait = { atLeast: policy.backoff.initial, atMost: until - now };
    const input = { job, dependency, stableFor: policy.stableFor, seenDown: true, ...wait };
    await untilBack(input, summary, () => spokenTo(the));
  }
  the.desk = { ...the.desk, retryNow: null };
  the.waiting = null;
  the.because = null;
}

/**
 * A hold acts between steps; the deadline stands still meanwhile. It ends when it is released, at its time, or with the
 * standing hold that it comes from.
 */
export async function untilReleased(the: Case): Promise<void> {
  if (the.desk.hold === null) return;
  // What it had come to rest in is over: it was about to look again.
  const before = AT_REST.has(the.phase) ? 'assessing' : the.phase;
  const since = Date.now();
  while (the.desk.hold !== null && the.desk.abort === null) {
    const { hold } = the.desk;
    tell(the, 'held');
    const scope = new CancellationScope();
    const end = () => {
      if (the.desk.hold === hold) the.desk = { ...the.desk, hold: null };
    };
    if (hold.standing === true) {
      the.honoured = hold.until ?? 0;
      void scope
        .run(() => steps.awaitRelease({ job: the.input.job }, `held by ${hold.by}: ${hold.reason}`))
        .then(end)
        .catch(() => undefined);
    }
    const over = () => the.desk.hold !== hold || the.desk.abort !== null;
    const { until } = hold;
    if (until === undefined || until === null) await condition(over);
    else if (!(await condition(over, Math.max(1, until - Date.now()), { summary: `held by ${hold.by}` })))
      end();
    scope.cancel();
  }
  the.paused += Date.now() - since;
  tell(the, before);
}

/** Counts a failed attempt and waits. `give up`: it was the last one. */
export async function afterFailure(the: Case, failure: Fault): Promise<'try again' | 'give up'> {
  const { policy, job } = openedOf(the);
  const now = Date.now();
  if (the.granted === 0) {
    the.because = fault(
      'AttemptsExhausted',
      `attempts is 0, nothing is tried; a look failed: ${failure.message}`,
      failure.where,
    );
    return 'give up';
  }
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
  const left = timeLeft(the);
  if (left <= 0) {
    the.because = deadlinePassed(the, failure.message, failure.where);
    return 'give up';
  }
  const wait = Math.min(left, backoffAfter(the.failed - the.grantedAt, policy.backoff, Math.random()));
  const dependency = dependencyOf(failure.code);
  the.because = failure;
  the.waiting = { for: dependency ?? 'the next attempt', since: now, until: now + wait };
  tell(the, 'waiting', 'awaitReturn');
  await waitOrWake(the, job, dependency, failure, wait);
  the.waiting = null;
  // A wait that the deadline has cut is followed by no further attempt.
  if (timeLeft(the) <= 0 && the.desk.abort === null) {
    the.because = deadlinePassed(the, failure.message, failure.where);
    return 'give up';
  }
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
  const since = Date.now();
  const until = since + wait;
  const spoken = () => spokenTo(the);
  const next = timeOfDay(until);
  const of = the.granted === null ? '' : ` of ${the.granted}`;
  const summary = `attempt ${the.failed}${of} failed: ${failure.code}. Next at ${next} UTC${dependency === null ? '' : `, or when ${dependency} is back`}`;
  const stableFor = stabilityAfter(the.failedWakes, policy);
  const seenDown = SEEN_DOWN.has(failure.code);
  for (let left = wait; left > 0; left = Math.min(until - Date.now(), timeLeft(the))) {
    if (dependency === null) await condition(spoken, left, { summary });
    else {
      const atLeast = Math.max(0, since + policy.backoff.initial - Date.now());
      const input = { job, dependency, stableFor, seenDown, atLeast, atMost: left };
      the.wokeEarly = await untilBack(input, summary, spoken);
    }
    if (the.desk.hold === null || the.desk.abort !== null) break;
    // A hold begins at once; what was left of the wait goes on after it.
    await untilReleased(the);
    if (the.desk.hold !== null) break;
  }
  the.desk = { ...the.desk, retryNow: null };
}

/** Waits for a dependency, for `atMost`, or until somebody speaks. True: it is proved back. */
export async function untilBack(input: AwaitInput, summary: string, spoken: () => boolean): Promise<boolean> {
  const until = Date.now() + input.atMost;
  let end: Return['is'] | 'not waited' | null = null;
  const scope = new CancellationScope();
  void scope
    .run(() => steps.awaitReturn(input, summary))
    .then(
      ({ is }) => (end = is),
      () => (end = 'not waited'),
    );
  await condition(() => end !== null || spoken());
  const how = end as Return['is'] | 'not waited' | null;
  scope.cancel();
  // A step that cannot wait must not make the case spin.
  const left = until - Date.now();
  if (how === 'not waited' && left > 0) await condition(spoken, left, { summary: brief(summary) });
  return how === 'returned';
}

const brief = (summary: string): string => summary.slice(0, 150);

/** Waits for a person's answer. After consent the attempt looks again: the world may have moved. */
export async function answered(the: Case, plan: Plan): Promise<'close' | 'look again'> {
  const { policy } = openedOf(the);
  // Somebody chose while the question was being made: it may be another one now.
  if (takeChoice(the) && plan.about !== EXHAUSTED) return 'look again';
  const now = Date.now();
  const question: Question = {
    id: `${the.failed + 1}-${plan.digest}`,
    about: plan.about,
    text: plan.text,
    approves: plan.approves,
    choices: plan.choices,
    askedAt: now,
    expiresAt: now + policy.approvalExpires,
    facts: plan.facts,
  };
  the.because = plan.because;
  the.desk = { ...the.desk, standing: 'asking', question };
  tell(the, 'asking');
  const { desk } = the;
  const spoken = () =>
    the.desk.answer !== null ||
    the.desk.abort !== null ||
    the.desk.close !== null ||
    the.desk.retryNow !== null;
  const summary = `asking: ${plan.about}`;
  const why = 'asked: watching whether the job is healthy meanwhile';
  // What a person does by hand instead of answering may well bring the job back.
  if (plan.about === 'dead end' || plan.about === EXHAUSTED)
    await untilSeenHealthy(the, { why, summary, spoken, atMost: policy.approvalExpires });
  else await condition(spoken, policy.approvalExpires, { summary });
  the.paused += Date.now() - now;
  const { answer, close, abort } = the.desk;
  the.desk = { ...the.desk, standing: 'working', question: null, answer: null, retryNow: null };
  if (close !== null) return 'close';
  // To say where the job is to begin is to want another attempt.
  if (abort === null && plan.about === EXHAUSTED && the.desk.fromNothing) grantMore(the);
  // Who does not want what was asked is not asked it again while the case stands still.
  if (abort !== null || answer?.is === 'reject') the.declined = [...the.declined, matterOf(plan)].slice(-20);
  if (abort !== null || answer === null) return 'look again';
  switch (answer.is) {
    case 'approve':
      if (goesOn(the, plan)) grantMore(the);
      if (plan.about !== EXHAUSTED) the.approved = [...the.approved, plan.digest];
      break;
    case 'choose':
      if (goesOn(the, plan)) grantMore(the);
      the.chosen = pointFromPath(answer.path);
      the.fromNothing = null;
      if (plan.stops !== undefined)
        the.approved = [...the.approved, stopConsent(plan.stops, the.chosen.path)];
      break;
    case 'reject':
      the.because = fault('Rejected', `${answer.by}: ${answer.reason} (${desk.question?.text ?? plan.text})`);
      the.desk = { ...the.desk, abort: { by: answer.by, reason: answer.reason } };
  }
  return 'look again';
}

/** What an abort cannot take back: a call that Flink may have taken. The aborted case watches for its run. */
const inDoubt = ({ openSubmission }: Case): string =>
  openSubmission === null
    ? ''
    : `. Whether Flink took run ${openSubmission.run} from ${callsOf(openSubmission)
        .map(({ point }) => point)
        .join(' or ')} is not known yet: the case watches for it, and submits nothing`;

/**
 * Nothing more is tried; everything is kept. The execution stays open as the one case of its job: alerts join it and
 * start nothing. It ends when the job is proved healthy, goes on with `resume`, or is closed.
 */
export async function afterAbort(the: Case): Promise<'close' | 'look again'> {
  const { policy } = openedOf(the);
  const { abort } = the.desk;
  if (abort !== null && the.because?.code !== 'Rejected')
    the.because = fault('Aborted', `${abort.by}: ${abort.reason}${inDoubt(the)}`, the.openSubmission?.run);
  the.stopped = the.because;
  if (the.lastPass === 'now') the.lastPass = 'over';
  the.desk = { ...the.desk, standing: 'aborted', abort: null, resume: null, retryNow: null };
  tell(the, 'aborted');
  // While a submission is in doubt its run id must not be forgotten: then the case stays in any case.
  if (policy.afterAbort === 'fail' && the.openSubmission === null) return 'close';
  await untilSeenHealthy(the, {
    why: 'aborted: only watching whether the job is healthy',
    summary: 'aborted: a run was seen that is not to be left alone',
    spoken: () => the.desk.resume !== null || the.desk.close !== null,
  });
  if (the.desk.close !== null) return 'close';
  // A run that somebody else started is looked at; what was aborted goes on only when a person resumes it.
  if (the.desk.resume !== null) grantMore(the);
  the.desk = { ...the.desk, standing: 'working', resume: null };
  the.because = null;
  the.doubtedAt = Date.now();
  return 'look again';
}

/** Whether an alert came after the last look had begun: that look may not have seen what it is about. */
export const alertedSince = (the: Case): boolean => the.desk.alertsHeard > the.alertsLookedAt;

/** The restored run is proved and published; the case stays open for `soak`. False: a new alert wants a look. */
export async function afterResumed(the: Case): Promise<boolean> {
  const { policy } = openedOf(the);
  the.desk = { ...the.desk, standing: 'soaking' };
  // A case must not end, and be forgotten, while a second run may still come of it.
  the.soakUntil ??= Math.max(Date.now() + policy.soak, the.lateCall?.until ?? 0);
  the.waiting = { for: 'soak', since: Date.now(), until: the.soakUntil };
  tell(the, resumedAs(the.restored));
  const stirred = () => alertedSince(the) || the.desk.close !== null || the.desk.abort !== null;
  const left = the.soakUntil - Date.now();
  const summary = `resumed from ${the.restored?.point ?? ''}; soak`;
  const early = left > 0 ? await condition(stirred, left, { summary }) : stirred();
  the.waiting = null;
  if (early) the.doubtedAt = Date.now();
  // An abort stays: a run that is lost after it is not brought back.
  the.desk = { ...the.desk, standing: 'working' };
  return !early || the.desk.close !== null;
}
