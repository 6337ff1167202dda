/** A run that goes on deletes its older checkpoints: what is gone then was superseded, not broken (design, 4.6). */
import { compareIds } from './ledger.js';
import type { RunId } from './ids.js';
import type { Pointers } from './ladder.js';
import type { RestorePoint } from './restore-point.js';

/** The newest checkpoint of a run that any source names; null: none does. */
export function newestOf(pointers: Pointers, run: RunId | null): RestorePoint | null {
  const named = pointers.sources.flatMap(({ points }) => (points.is === 'present' ? points.value : []));
  const own = named.filter((p) => run !== null && p.run === run && p.kind === 'checkpoint' && p.id !== null);
  return own.reduce<RestorePoint | null>(
    (newest, p) => (newest === null || compareIds(p.id, newest.id) > 0 ? p : newest),
    null,
  );
}

/**
 * The checkpoint with which a run has gone on since; null: it has not.
 * @param known its newest when the pointers were fetched before
 */
export function wentOn(known: Pick<RestorePoint, 'run' | 'id'>, pointers: Pointers): RestorePoint | null {
  const now = newestOf(pointers, known.run);
  return now !== null && compareIds(now.id, known.id) > 0 ? now : null;
}
