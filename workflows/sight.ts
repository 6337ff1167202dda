/** Watching whether the job is healthy while nothing may be done for it. */
import { CancellationScope, condition } from '@temporalio/workflow';
import { backoffAfter } from '../domain/attempts.js';
import { openedOf, type Case } from './case.js';
import * as steps from './steps.js';

/** The longest pause between two sights in vain (milliseconds), unless the policy's back-off has a longer one. */
const LONGEST = 10 * 60_000;

export interface Sight {
  /** For the history: why it watches. */
  readonly why: string;
  /** For the history: what the timer is for. */
  readonly summary: string;
  /** Somebody said something that ends the wait. */
  readonly spoken: () => boolean;
  /** Milliseconds; left out: however long it takes. */
  readonly atMost?: number;
}

/**
 * Waits until the job looks healthy, somebody speaks, or the time is up. A look that follows sees more than the watch
 * does and may refuse what was seen: a run from nothing completes checkpoints, so does one of two that are alive, and so
 * does one of which the fence knows too little. So a sight is in vain until the look after it ends the case, and each
 * comes later after the one before, by the back-off of the policy: no situation makes a case go round and round.
 */
export async function untilSeenHealthy(
  the: Case,
  { why, summary, spoken, atMost = Infinity }: Sight,
): Promise<void> {
  const { job, policy } = openedOf(the);
  const until = Date.now() + atMost;
  if (the.sights > 0) {
    const backoff = { ...policy.backoff, max: Math.max(policy.backoff.max, LONGEST) };
    const pause = Math.min(backoffAfter(the.sights, backoff, Math.random()), atMost);
    if (await condition(spoken, pause, { summary })) return;
  }
  const left = until - Date.now();
  if (left <= 0) return;
  let healthy = false;
  const scope = new CancellationScope();
  void scope
    .run(() => steps.watchRun({ job, run: null, until: 'healthy' }, why))
    .then(() => (healthy = true))
    .catch(() => undefined);
  const over = () => healthy || spoken();
  if (left === Infinity) await condition(over);
  else await condition(over, left, { summary });
  scope.cancel();
  if (healthy) the.sights++;
}
