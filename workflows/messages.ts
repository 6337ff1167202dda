/** Wire names of everything that can be said to a case: a contract with senders, runbooks and open executions. */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Alert, AlertResolved } from '../domain/alert.js';
import type { CaseStatus } from '../domain/case.js';
import type { Desk, Said } from '../domain/desk.js';
import type { AttemptRecord, Restored } from '../domain/case.js';

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
  readonly desk: Desk;
  readonly openedAt: number;
  /** First execution run id of the case: run ids are derived from it. */
  readonly origin: string;
  readonly attempt: number;
  /** Attempts granted so far: N, and N more with each resume. */
  readonly granted: number | null;
  readonly submissions: number;
  readonly openSubmission: { readonly run: string; readonly point: string } | null;
  readonly failures: readonly AttemptRecord[];
  readonly restored: Restored | null;
  readonly failedWakes: number;
}

/** Input of workflow `watchCluster`. */
export interface WatchInput {
  readonly cluster: string;
}

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

export const status = defineQuery<CaseStatus>('status');
