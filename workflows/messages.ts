/** Wire names of everything that can be said to a case: a contract with senders, runbooks and open executions. */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Alert, AlertResolved } from '../domain/alert.js';
import type { CaseStatus } from '../domain/case.js';
import type { Said } from '../domain/desk.js';
import type { RepairOutcome, RepairRequest } from '../domain/repair.js';
import type { FromNothing } from '../domain/kafka-from.js';
import type { Carried } from './case.js';

/** Task queues (design, 4): waiting must never take the place of working. */
export const QUEUES = { steps: 'holdfast', waits: 'holdfast-wait', restores: 'holdfast-restore' } as const;

/** Input of workflow `recoverJob`. By hand in the Temporal UI: `{"job": "<name>"}`. */
export interface RecoverInput {
  readonly job: string;
  /** Filled by the client; looked up in the configuration when left out. */
  readonly cluster?: string;
  /** A person's request: a restore point of their choice instead of the ladder's top. */
  readonly from?: ({ readonly path: string } & Said) | null;
  /** What an earlier run of the same case carries over (continue as new). */
  readonly carried?: Partial<Carried>;
  /** A person's request: a start without any restore point, at a point in Kafka (`domain/kafka-from.ts`). */
  readonly fromNothing?: FromNothing | null;
  /** `look`: says what would be restored if the job failed now, and touches nothing. Result: `LookReport`. */
  readonly mode?: 'look';
}

/** Input of workflow `watchCluster`. */
export interface WatchInput {
  readonly cluster: string;
}

/** Input of workflow `repairCluster`. */
export interface RepairClusterInput {
  readonly cluster: string;
}

/** Input of workflow `standingHold`. Times in epoch milliseconds. */
export interface HoldInput extends Said {
  readonly cluster: string;
  /** Left out: every job of the cluster. */
  readonly job?: string;
  readonly since?: number;
  /** Left out: `forMinutes` from now. */
  readonly until?: number;
  /** Default: 60. */
  readonly forMinutes?: number;
}

/** Memo keys of `watch/<cluster>`: the ledger of each job, and the time of the last look. */
export const ledgerKey = (job: string): string => `ledger:${job}`;
export const LAST_LOOK = 'lastLook';
/** Memo key of what the watch keeps of each job between two looks. */
export const NOTED = 'noted';

export const alertRaised = defineSignal<[Alert]>('alertRaised');
export const alertResolved = defineSignal<[AlertResolved]>('alertResolved');

export const approve = defineUpdate<string, [Said & { question: string }]>('approve');
export const reject = defineUpdate<string, [Said & { question: string }]>('reject');
export const chooseRestorePoint = defineUpdate<string, [Said & { path: string; question?: string }]>(
  'chooseRestorePoint',
);
export const startFromNothing = defineUpdate<string, [FromNothing]>('startFromNothing');
export const abort = defineUpdate<string, [Said]>('abort');
export const hold = defineUpdate<string, [Said & { until?: number; standing?: boolean }]>('hold');
export const release = defineUpdate<string, [Said]>('release');
export const resume = defineUpdate<string, [Said]>('resume');
export const retryNow = defineUpdate<string, [Said]>('retryNow');
export const close = defineUpdate<string, [Said]>('close');

/** To `repair/<cluster>`: does one repair and answers with what was done. */
export const repairDeadEnd = defineUpdate<RepairOutcome, [RepairRequest]>('repairDeadEnd');

export const status = defineQuery<CaseStatus>('status');
/** To `look/<cluster>/<job>`: what it is doing now. */
export const progress = defineQuery<string>('progress');

/** To `hold/<cluster>` and `hold/<cluster>/<job>`: ends a standing hold. */
export const releaseHold = defineSignal<[Said]>('release');
