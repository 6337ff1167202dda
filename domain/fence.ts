/** Is the old run proved dead? (design, 4.3). Nothing is submitted before that. */
import { fault, type Fault } from './failure.js';
import { isTerminal, situationOf, type Assessment } from './situation.js';

/** How long a run can go on writing after its JobManager is gone, in milliseconds. */
export interface FenceTimes {
  readonly heartbeatTimeout: number;
  readonly sessionTimeout: number;
}

/**
 * Null: the fence holds. Otherwise what speaks against a submission now.
 * @param consented a person has said that a job that vanished unseen is to be restored.
 */
export function fence(a: Assessment, times: FenceTimes, consented: boolean): Fault | null {
  const situation = situationOf(a);
  if (situation.is === 'unknown') return situation.fault;
  if (situation.is !== 'abandoned' && !(consented && situation.is === 'vanished')) {
    return fault(
      'FlinkRestarting',
      `expected nobody but Holdfast to bring the job back, found: ${situation.because}`,
    );
  }
  const shown = a.runs.is === 'present' ? a.runs.value : [];
  const last = a.ledger.is === 'present' ? a.ledger.value.runs[0] : undefined;
  if (last === undefined || isTerminal(last.state) || shown.some((r) => r.run === last.run)) return null;
  if (a.archived?.is === 'present' && a.archived.value.run === last.run) return null;
  const quiet = a.at - last.seen;
  const needed = times.heartbeatTimeout + times.sessionTimeout;
  if (quiet >= needed) return null;
  return fault(
    'FlinkRestarting',
    `run ${last.run} was last seen ${quiet} ms ago and no JobManager knows it; its tasks may write for ${needed} ms`,
    last.run,
  );
}
