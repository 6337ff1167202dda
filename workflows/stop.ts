/** Stopping a run, as one case sees it. */
import type { Evidence } from '../domain/evidence.js';
import type { Next } from '../domain/next.js';
import { fault } from '../domain/failure.js';
import { openedOf, type Case } from './case.js';
import * as steps from './steps.js';
import { tell } from './story.js';
import type { Outcome } from './submission.js';

/**
 * Has a run stopped. That it is ours to stop is recorded before the call: whatever becomes of the answer, its end is
 * not taken for a person's wish that the job be down.
 */
export async function stop(
  the: Case,
  { run, approved, because }: Extract<Next, { do: 'stop' }>,
  e: Evidence,
): Promise<Outcome> {
  const { job } = openedOf(the);
  const before = the.stopping;
  if (!before.includes(run)) the.stopping = [...before, run];
  tell(the, 'stopping', 'stopRun', e);
  const outcome = await steps.stopRun({ job, run, approved, submitted: the.submitted }, because);
  if (outcome.is === 'not done') {
    the.stopping = before;
    return { is: 'failed', fault: fault('FlinkRestarting', `not stopped: ${outcome.because}`, run) };
  }
  the.stops = [...the.stops, outcome.stop].slice(-10);
  the.because = null;
  return { is: 'again' };
}
