/** Counting and spacing attempts (design, 4.1). The count is exact: the N-th failed attempt is the last. */
import { hashText } from './hash128.js';
import { runId, type RunId } from './ids.js';
import type { Policy } from './policy.js';

/**
 * The run id of a submission: hash of the case's first execution and a running number, so that it is known and
 * recorded before the call, and the same call repeated can never make a second run.
 */
export const submissionRunId = (origin: string, number: number): RunId =>
  runId(hashText(`${origin}/${number}`));

/**
 * How long to wait after failed attempt k (counted from 1), in milliseconds.
 * @param random 0 to 1, drawn by the caller (the workflow's own generator, so that replay draws the same).
 */
export function backoffAfter(k: number, backoff: Policy['backoff'], random: number): number {
  const base = Math.min(backoff.max, backoff.initial * backoff.factor ** (k - 1));
  return Math.round(Math.max(backoff.initial, base * (1 - backoff.jitter * random)));
}

/** Whether another attempt is granted after `failed` failed ones. */
export const exhausted = (failed: number, granted: number | null): boolean =>
  granted !== null && failed >= granted;

/** How far apart the probes must be that end a wait early: it doubles with each early wake that failed. */
export const stabilityAfter = (failedWakes: number, policy: Policy): number =>
  Math.min(policy.stableFor * 2 ** failedWakes, policy.backoff.max);
