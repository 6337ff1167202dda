import type { Alert } from '../domain/alert.js';
import { hear } from '../domain/desk.js';
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
    honourStandingHold(the);
  }
  tell(the, 'opening');
  return false;
}

/** A hold that was placed before there was a case, by a deployment for example: the case waits in phase `held`. */
function honourStandingHold(the: Case): void {
  const hold = the.opened?.hold ?? null;
  if (hold === null || the.desk.hold !== null) return;
  const { by, reason, until } = hold;
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
