/** What happens when nothing more may be tried: N attempts have failed, or the deadline has passed (design, 5). */
import { planOf, type Plan } from './next.js';
import { FAILURES, type Fault } from './failure.js';
import type { Policy } from './policy.js';

/** How far the one pass of `onExhausted: savepoint` is. */
export type LastPassState = 'none' | 'now' | 'over';

export type Exhausted =
  | { readonly is: 'abort' }
  | { readonly is: 'ask'; readonly plan: Plan }
  /** Wait until the storage is usable, then look for a savepoint once. */
  | { readonly is: 'last pass' };

/** The question that stands in for an abort has this name. */
export const EXHAUSTED = 'exhausted';

/**
 * @param because why nothing more is tried: `AttemptsExhausted` or `DeadlinePassed`
 * @param points paths that a person could choose
 */
export function whenExhausted(
  policy: Policy,
  because: Fault,
  lastPass: LastPassState,
  points: readonly string[],
): Exhausted {
  // With 0 nothing is ever tried: there is nothing to grant.
  if (policy.attempts === 0) return { is: 'abort' };
  switch (policy.onExhausted) {
    case 'abort':
      return { is: 'abort' };
    case 'savepoint':
      return lastPass === 'none' ? { is: 'last pass' } : { is: 'abort' };
    case 'ask':
      return { is: 'ask', plan: exhaustedPlan(policy, because, points) };
  }
}

/** Whether a stop is one that `onExhausted` speaks of, and not a person's word. */
export const isExhaustion = (because: Fault | null): boolean =>
  because?.code === 'AttemptsExhausted' || because?.code === 'DeadlinePassed';

function exhaustedPlan(policy: Policy, because: Fault, points: readonly string[]): Plan {
  const more =
    policy.attempts === null
      ? 'go on'
      : `grant ${policy.attempts} more attempt${policy.attempts > 1 ? 's' : ''}`;
  const approves = `${more}, with a new deadline of ${Math.round(policy.deadline / 60_000)} min`;
  const text = `${because.message}. ${FAILURES[because.code].means} Nothing is tried until somebody decides: approve (${more}), choose another restore point (with as many attempts), or reject, which aborts. Everything is kept.`;
  return planOf(EXHAUSTED, because, text, approves, points);
}
