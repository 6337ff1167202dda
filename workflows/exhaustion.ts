/** The end of trying: what happens after the last attempt, or when the deadline has passed. */
import { stabilityAfter } from '../domain/attempts.js';
import { isExhaustion, whenExhausted } from '../domain/exhausted.js';
import type { Fault } from '../domain/failure.js';
import { spent } from './allowance.js';
import { openedOf, type Case } from './case.js';
import { untilBack, untilReleased } from './pauses.js';
import { tell } from './story.js';
import type { Outcome } from './submission.js';

/** The longest single wait for a usable storage before it is begun anew (milliseconds). */
const WAIT_AT_MOST = 24 * 60 * 60_000;

/** Nothing more is tried, for the reason in `the.because`: what the policy wants now. */
export async function giveUp(the: Case): Promise<Outcome> {
  const because = the.because ?? spent(the);
  the.because = because;
  const { policy } = openedOf(the);
  const next = whenExhausted(policy, because, the.lastPass, pathsOf(the));
  if (the.lastPass === 'now') the.lastPass = 'over';
  switch (next.is) {
    case 'abort':
      return { is: 'aborted' };
    case 'ask':
      the.stopped = because;
      return { is: 'asks', plan: next.plan };
    case 'last pass':
      return untilUsable(the, because);
  }
}

/** Stopped and not resumed: nothing is tried, and nothing is counted. Whoever was asked is asked again. */
export function stillStopped(the: Case): Outcome {
  const because = the.stopped ?? spent(the);
  the.because = because;
  const { policy } = openedOf(the);
  const next = isExhaustion(the.stopped) ? whenExhausted(policy, because, the.lastPass, pathsOf(the)) : null;
  return next?.is === 'ask' ? { is: 'asks', plan: next.plan } : { is: 'aborted' };
}

const pathsOf = (the: Case): readonly string[] => the.ladder.map((rung) => rung.path);

/** The pass of `onExhausted: savepoint` begins when the storage is proved usable, or when a person says so. */
async function untilUsable(the: Case, because: Fault): Promise<Outcome> {
  const { policy, job } = openedOf(the);
  let usable = false;
  const spoken = () => the.desk.retryNow !== null || the.desk.abort !== null;
  while (!usable && !spoken()) {
    const since = Date.now();
    the.because = because;
    the.waiting = { for: 'usable storage', since, until: since + WAIT_AT_MOST };
    tell(the, 'waiting', 'awaitReturn');
    const input = {
      job,
      dependency: 'storage',
      stableFor: stabilityAfter(the.failedWakes, policy),
      seenDown: true,
      atLeast: policy.backoff.initial,
      atMost: WAIT_AT_MOST,
    } as const;
    const summary = `${because.code}: a savepoint may be taken when the storage is usable`;
    usable = await untilBack(input, summary, () => spoken() || the.desk.hold !== null);
    await untilReleased(the);
  }
  the.waiting = null;
  the.desk = { ...the.desk, retryNow: null };
  the.lastPass = 'now';
  return { is: 'again' };
}
