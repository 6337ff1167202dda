import { makeContinueAsNewFunc, upsertMemo, workflowInfo } from '@temporalio/workflow';
import type { Ledgers, Watched } from '../activities/index.js';
import { clusterName, type JobName } from '../domain/ids.js';
import { LAST_LOOK, ledgerKey, type WatchInput } from './messages.js';
import * as steps from './steps.js';

/**
 * Watches a cluster for ever. The memo is the ledger: kept by Temporal, readable without a worker, passed on by
 * continue-as-new.
 */
export async function watchCluster(input: WatchInput): Promise<void> {
  const cluster = clusterName(input.cluster);
  let { ledgers, lastLook } = remembered();
  while (!workflowInfo().continueAsNewSuggested) {
    const look = { cluster, ledgers, lastLook };
    const watched: Watched = await steps.watchJobs(look, `watch the jobs of ${cluster}`);
    ({ ledgers, lastLook } = watched);
    upsertMemo(memoOf(ledgers, lastLook));
    for (const alert of watched.alerts) await steps.raiseAlert(alert, `${alert.job}: ${alert.summary}`);
  }
  await makeContinueAsNewFunc<typeof watchCluster>({ memo: memoOf(ledgers, lastLook) })(input);
}

function memoOf(ledgers: Ledgers, lastLook: number | null): Record<string, unknown> {
  const memo: Record<string, unknown> = { [LAST_LOOK]: lastLook };
  for (const [job, ledger] of Object.entries(ledgers)) memo[ledgerKey(job)] = ledger;
  return memo;
}

function remembered(): { ledgers: Ledgers; lastLook: number | null } {
  const memo = workflowInfo().memo ?? {};
  const prefix = ledgerKey('');
  const entries = Object.entries(memo).flatMap(([key, ledger]) =>
    key.startsWith(prefix) ? [[key.slice(prefix.length) as JobName, ledger]] : [],
  );
  const lastLook = memo[LAST_LOOK];
  return {
    ledgers: Object.fromEntries(entries) as Ledgers,
    lastLook: typeof lastLook === 'number' ? lastLook : null,
  };
}
