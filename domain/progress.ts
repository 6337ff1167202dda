/** Does a restored run get on? As long as it does, nobody says that its proof is overdue. */

/** The furthest that a run was seen to have come. */
export interface Progress {
  /** Most tasks that ran at the same time. */
  readonly running: number;
  /** Checkpoints that completed. */
  readonly completed: number;
  /** The checkpoint at work, and how much of it is there (bytes); null: none. */
  readonly open: { readonly id: string; readonly bytes: number } | null;
}

export const NO_PROGRESS: Progress = { running: 0, completed: 0, open: null };

/**
 * The furthest after one more look; the same object when nothing was gained. Tasks that come and go gain nothing, and
 * neither does a checkpoint that is only begun again.
 */
export function furthest(best: Progress, seen: Progress): Progress {
  const grown =
    seen.open !== null && seen.open.bytes > (best.open?.id === seen.open.id ? best.open.bytes : 0);
  if (seen.running <= best.running && seen.completed <= best.completed && !grown) return best;
  return {
    running: Math.max(best.running, seen.running),
    completed: Math.max(best.completed, seen.completed),
    open: grown ? seen.open : best.open,
  };
}
