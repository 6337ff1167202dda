import { log, makeContinueAsNewFunc, upsertMemo, workflowInfo } from '@temporalio/workflow';
import type { Ledgers, Noted, Watched } from '../activities/index.js';
import type { Alert } from '../domain/alert.js';
import { atLeast } from '../domain/notice.js';
import { clusterName, type JobName } from '../domain/ids.js';
import { LAST_LOOK, ledgerKey, NOTED, type WatchInput } from './messages.js';
import { allTold, send, type Telling } from './notices.js';
import * as steps from './steps.js';
import { tellWatch } from './watch-story.js';

interface Memory {
  readonly ledgers: Ledgers;
  readonly lastLook: number | null;
  readonly noted: Noted;
}

/** Alerts that could not be raised are kept for the next look, the newest of them. */
const MOST_KEPT = 50;

/**
 * Watches a cluster for ever. The memo is the ledger: kept by Temporal, readable without a worker, passed on by
 * continue-as-new.
 */
export async function watchCluster(input: WatchInput): Promise<void> {
  const cluster = clusterName(input.cluster);
  let memory = remembered();
  let unsent: readonly Alert[] = [];
  const telling: Telling = { underway: 0 };
  while (!workflowInfo().continueAsNewSuggested || unsent.length > 0) {
    const watched: Watched = await steps.watchJobs({ cluster, ...memory }, `watch the jobs of ${cluster}`);
    memory = { ledgers: watched.ledgers, lastLook: watched.lastLook, noted: watched.noted };
    upsertMemo(memoOf(memory));
    tellWatch(cluster, memory);
    for (const notice of watched.notices)
      if (watched.wantedFrom !== null && atLeast(notice.severity, watched.wantedFrom)) send(telling, notice);
    unsent = await raise([...unsent, ...watched.alerts].slice(-MOST_KEPT));
  }
  await allTold(telling);
  await makeContinueAsNewFunc<typeof watchCluster>({ memo: memoOf(memory) })(input);
}

/** Raises each alert; returns those that could not be. The watch goes on: one alert must not end the ledger of all. */
async function raise(alerts: readonly Alert[]): Promise<readonly Alert[]> {
  const left: Alert[] = [];
  for (const alert of alerts) {
    try {
      await steps.raiseAlert(alert, `${alert.job}: ${alert.summary}`);
    } catch (error) {
      log.warn('an alert could not be raised; it is kept for the next look', {
        alert: alert.summary,
        error: String(error),
      });
      left.push(alert);
    }
  }
  return left;
}

function memoOf({ ledgers, lastLook, noted }: Memory): Record<string, unknown> {
  const memo: Record<string, unknown> = { [LAST_LOOK]: lastLook, [NOTED]: noted };
  for (const [job, ledger] of Object.entries(ledgers)) memo[ledgerKey(job)] = ledger;
  return memo;
}

function remembered(): Memory {
  const memo = workflowInfo().memo ?? {};
  const prefix = ledgerKey('');
  const entries = Object.entries(memo).flatMap(([key, ledger]) =>
    key.startsWith(prefix) ? [[key.slice(prefix.length) as JobName, ledger]] : [],
  );
  const lastLook = memo[LAST_LOOK];
  return {
    ledgers: Object.fromEntries(entries) as Ledgers,
    lastLook: typeof lastLook === 'number' ? lastLook : null,
    noted: (memo[NOTED] ?? {}) as Noted,
  };
}
