/** The repair of a dead end, as one case sees it. */
import type { Evidence } from '../domain/evidence.js';
import type { Next } from '../domain/next.js';
import { sayCheck } from '../domain/repair.js';
import { notStarted } from '../domain/start-cluster.js';
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
  const what = deadEnd.is === 'NoJobManager' ? 'start the JobManager' : `rename ${deadEnd.path} aside`;
  const outcome = await steps.requestRepair({ job, deadEnd, modified }, what);
  switch (outcome.is) {
    case 'repaired':
      the.repairs = [...the.repairs, outcome.repair].slice(-10);
      the.because = null;
      return { is: 'again' };
    case 'started':
      the.starts = [...the.starts, outcome.start].slice(-10);
      the.because = null;
      // It has its time anew; what has looked like a dead end until now says nothing of the new one.
      the.stuck = null;
      return { is: 'again' };
    case 'not done':
      if (deadEnd.is === 'NoJobManager')
        return { is: 'failed', fault: notStarted(deadEnd.run, sayCheck(outcome.check)) };
      // The next look says why, and what to do about it.
      return { is: 'again' };
    case 'failed':
      return { is: 'failed', fault: outcome.fault };
  }
}
