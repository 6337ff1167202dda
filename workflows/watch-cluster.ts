import { continueAsNew, upsertMemo, workflowInfo } from '@temporalio/workflow';
import type { Watched } from '../activities/index.js';
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
    const watched: Watched = await steps.watchJobs(
      { cluster, ledgers, lastLook },
      `watch the jobs of ${cluster}`,
    );
    ({ ledgers, lastLook } = watched);
    const entries = Object.entries(ledgers).map(([job, ledger]) => [ledgerKey(job), ledger]);
    upsertMemo({ ...Object.fromEntries(entries), [LAST_LOOK]: lastLook });
    for (const alert of watched.alerts) await steps.raiseAlert(alert, `${alert.job}: ${alert.summary}`);
  }
  await continueAsNew<typeof watchCluster>(input);
}

function remembered(): { ledgers: Watched['ledgers']; lastLook: number | null } {
  const memo = workflowInfo().memo ?? {};
  const prefix = ledgerKey('');
  const entries = Object.entries(memo).flatMap(([key, ledger]) =>
    key.startsWith(prefix) ? [[key.slice(prefix.length) as JobName, ledger]] : [],
  );
  const lastLook = memo[LAST_LOOK];
  return {
    ledgers: Object.fromEntries(entries) as Watched['ledgers'],
    lastLook: typeof lastLook === 'number' ? lastLook : null,
  };
}
