/**
 * When a run may be stopped, and how (design, 4.5). Cancelling without retention deletes checkpoints. A pure function,
 * asked twice: before a person is asked, and again immediately before the call.
 */
import type { Fault } from './failure.js';
import { hashText } from './hash128.js';
import type { RunId } from './ids.js';
import type { Reading } from './reading.js';
import { isTerminal } from './situation.js';

/** What one look found out about the run. */
export interface StopEvidence {
  readonly state: string;
  readonly running: number;
  readonly tasks: number;
  /** Checkpoints of its own that it has completed. */
  readonly completed: number;
  /** Whether its checkpoints stay when it is cancelled. `absent`: checkpointing is off. */
  readonly retained: Reading<boolean>;
}

export type StopCheck =
  | { readonly is: 'cancel'; readonly because: string }
  /** Cancelling would delete its checkpoints: a savepoint is taken and verified before. */
  | { readonly is: 'savepoint first'; readonly because: string }
  | { readonly is: 'over'; readonly because: string }
  | { readonly is: 'unknown'; readonly because: Fault }
  /** Whatever is done, something is lost. */
  | { readonly is: 'forbidden'; readonly because: string };

export function checkStop(e: StopEvidence): StopCheck {
  if (isTerminal(e.state)) return { is: 'over', because: `it is ${e.state}` };
  if (e.state === 'CANCELLING') return { is: 'over', because: 'somebody is cancelling it' };
  if (e.completed === 0) return { is: 'cancel', because: 'it has no checkpoint of its own' };
  if (e.retained.is === 'unknown') return { is: 'unknown', because: e.retained.because };
  if (e.retained.is === 'present' && e.retained.value)
    return { is: 'cancel', because: 'its checkpoints are retained on cancellation' };
  const why = 'its checkpoints are deleted when it is cancelled';
  return e.state === 'RUNNING' && e.tasks > 0 && e.running === e.tasks
    ? { is: 'savepoint first', because: why }
    : { is: 'forbidden', because: `${why}, and it does not run, so that no savepoint can be taken` };
}

/** Whether only a person may allow it: a run that this case submitted, without a checkpoint of its own, is no loss. */
export const stopNeedsApproval = (run: RunId, completed: number, submitted: readonly RunId[]): boolean =>
  completed > 0 || !submitted.includes(run);

/** What stopping does, for the question and the record. */
export function tellStop(run: RunId, check: StopCheck): string {
  if (check.is === 'savepoint first') return `take a savepoint of run ${run}, verify it, then cancel the run`;
  return `cancel run ${run}`;
}

/** A person's consent to stop this run in favour of that restore point: given by choosing the point. */
export const stopConsent = (run: RunId, path: string): string =>
  hashText(`stop ${run} for ${path}`).slice(0, 12);

/** A run that this case has stopped. Part of the case file. */
export interface Stop {
  readonly run: RunId;
  /** Epoch milliseconds. */
  readonly at: number;
  /** The savepoint that was taken and verified before; null: none was needed. */
  readonly savepoint: string | null;
  readonly because: string;
}

export type StopOutcome =
  | { readonly is: 'stopped'; readonly stop: Stop }
  /** Nothing was done. */
  | { readonly is: 'not done'; readonly because: string };
