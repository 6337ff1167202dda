/** Wire names of everything that can be said to a case: a contract with senders, runbooks and open executions. */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Alert, AlertResolved } from '../domain/alert.js';
import type { AttemptRecord, CaseStatus, Restored } from '../domain/case.js';
import type { OpenSubmission } from '../domain/decide.js';
import type { Desk, Said } from '../domain/desk.js';
import type { EmptyJobResult, Repair, RepairOutcome } from '../domain/repair.js';
import type { Fault } from '../domain/failure.js';
import type { RunId } from '../domain/ids.js';
import type { RestorePoint } from '../domain/restore-point.js';
import type { Stuck } from '../domain/stuck.js';

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
  readonly carried?: Carried;
}

/** The state of a case that outlives continue-as-new. */
export interface Carried {
  /** First execution run id of the case: run ids are derived from it. */
  readonly origin: string;
  readonly openedAt: number;
  readonly desk: Desk;
  readonly failed: number;
  /** Attempts granted so far: N, and N more with each resume; null: unlimited. */
  readonly granted: number | null;
  readonly failures: readonly AttemptRecord[];
  readonly submissions: number;
  readonly submitted: readonly RunId[];
  readonly openSubmission: OpenSubmission | null;
  readonly chosen: RestorePoint | null;
  readonly approved: readonly string[];
  readonly failedWakes: number;
  readonly paused: number;
  readonly deadlineFrom: number;
  readonly soakUntil: number | null;
  readonly because: Fault | null;
  readonly restored: Restored | null;
  readonly repairs: readonly Repair[];
  readonly doubtedAt: number;
  readonly stopped: Fault | null;
  readonly stuck?: Stuck | null;
}

/** Input of workflow `watchCluster`. */
export interface WatchInput {
  readonly cluster: string;
}

/** Input of workflow `repairCluster`. */
export interface RepairClusterInput {
  readonly cluster: string;
}

/** One approved repair. `modified`: the file that was approved, by its time (epoch milliseconds). */
export interface RepairRequest {
  readonly job: string;
  readonly deadEnd: EmptyJobResult;
  readonly modified: number;
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
export const abort = defineUpdate<string, [Said]>('abort');
export const hold = defineUpdate<string, [Said]>('hold');
export const release = defineUpdate<string, [Said]>('release');
export const resume = defineUpdate<string, [Said]>('resume');
export const retryNow = defineUpdate<string, [Said]>('retryNow');
export const close = defineUpdate<string, [Said]>('close');

/** To `repair/<cluster>`: does one repair and answers with what was done. */
export const repairDeadEnd = defineUpdate<RepairOutcome, [RepairRequest]>('repairDeadEnd');

export const status = defineQuery<CaseStatus>('status');
