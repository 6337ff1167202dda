/**
 * A hold that stands whether or not a case is open: deployments need it. It lives in the memo of its own workflow,
 * `hold/<cluster>` or `hold/<cluster>/<job>`, so that placing and reading it needs Temporal only: no worker, and none of
 * the systems that fail.
 */
import type { Said } from './desk.js';

export interface StandingHold extends Said {
  readonly cluster: string;
  /** Null: every job of the cluster. */
  readonly job: string | null;
  /** Epoch milliseconds. */
  readonly since: number;
  readonly until: number;
}

/** Memo key of the hold in its workflow. */
export const HOLD_MEMO = 'hold';

/** The hold in a memo, if it is one and has not expired. */
export function holdIn(
  memo: Readonly<Record<string, unknown>> | undefined,
  now: number,
): StandingHold | null {
  const hold = memo?.[HOLD_MEMO];
  if (typeof hold !== 'object' || hold === null) return null;
  const { by, reason, cluster, job, since, until } = hold as Partial<Record<keyof StandingHold, unknown>>;
  if (typeof by !== 'string' || typeof reason !== 'string' || typeof cluster !== 'string') return null;
  if (typeof since !== 'number' || typeof until !== 'number' || until <= now) return null;
  return { by, reason, cluster, job: typeof job === 'string' ? job : null, since, until };
}

/** Of two holds the one that lasts longer: both have to be over before anything is done. */
export const longer = (a: StandingHold | null, b: StandingHold | null): StandingHold | null =>
  a === null || (b !== null && b.until > a.until) ? b : a;
