/** The end of a case takes as long as its last notices: what is said meanwhile must not be lost with it. */
import { grantMore } from './allowance.js';
import type { Case } from './case.js';
import { allTold } from './notices.js';

/**
 * Whether the case may end now. False: an alert came while the last notices were on their way. A receiver may take half a
 * minute, and who sent the alert sends it once; so the case looks again, with attempts and a deadline of its own, as the
 * case would that the alert opens a moment later. Persons are told that it is over.
 */
export async function isOver(the: Case): Promise<boolean> {
  const { alertsHeard } = the.desk;
  the.desk = { ...the.desk, standing: 'over' };
  await allTold(the.telling);
  if (the.desk.alertsHeard === alertsHeard) return true;
  the.desk = { ...the.desk, standing: 'working', close: null };
  grantMore(the);
  the.doubtedAt = Date.now();
  the.because = null;
  return false;
}
