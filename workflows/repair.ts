/** The repair of a dead end, as one case sees it. */
import type { Evidence, Next } from '../domain/decide.js';
import { openedOf, type Case } from './case.js';
import * as steps from './steps.js';
import { tell } from './story.js';
import type { Outcome } from './submission.js';

/** Has an approved repair done by the cluster's repair workflow. Flink then brings the job back by itself. */
export async function repair(
  the: Case,
  { deadEnd, modified }: Extract<Next, { do: 'repair' }>,
  e: Evidence,
): Promise<Outcome> {
  const { job } = openedOf(the);
  tell(the, 'repairing', 'requestRepair', e);
  const outcome = await steps.requestRepair({ job, deadEnd, modified }, `rename ${deadEnd.path} aside`);
  switch (outcome.is) {
    case 'repaired':
      the.repairs = [...the.repairs, outcome.repair].slice(-10);
      the.because = null;
      return { is: 'again' };
    case 'not done':
      // The next look says why, and what to do about it.
      return { is: 'again' };
    case 'failed':
      return { is: 'failed', fault: outcome.fault };
  }
}
