import type { Alert } from '../domain/alert.js';
import { hear } from '../domain/desk.js';
import type { StandingHold } from '../domain/standing-hold.js';
import type { Case } from './case.js';
import * as steps from './steps.js';
import { isCanonical, tell } from './story.js';

/**
 * Opens the case: policy and names are frozen. True when it was handed over: a case started by hand under another id
 * passes its reason on to the one case of its job.
 */
export async function begin(the: Case): Promise<boolean> {
  the.opened = await steps.openCase({ job: the.input.job }, `open the case of ${the.input.job}`);
  if (!isCanonical(the)) {
    await steps.handOver(byHand(the), `hand over to ${the.opened.workflowId}`);
    return true;
  }
  if (the.input.carried === undefined) {
    the.granted = the.opened.policy.attempts;
    honour(the, the.opened.hold ?? null);
  }
  tell(the, 'opening');
  return false;
}

/**
 * A hold that was placed for the job or its cluster, by a deployment for example: the case waits in phase `held`. Each
 * one once: who releases the case of one job lets it go on although the hold of the cluster still stands.
 */
export function honour(the: Case, standing: StandingHold | null): void {
  if (standing === null || the.desk.hold !== null || standing.until === the.honoured) return;
  const { by, reason, until } = standing;
  const heard = hear(the.desk, { kind: 'hold', by, reason, until, standing: true }, Date.now());
  if (heard.is === 'heard') the.desk = heard.desk;
}

const byHand = (the: Case): Alert => ({
  fingerprint: `by-hand-${the.origin}`,
  source: 'api',
  cluster: the.opened?.cluster ?? '',
  job: the.input.job,
  run: null,
  summary: 'started by hand',
  startedAt: the.openedAt,
  labels: {},
  link: null,
});
