/**
 * What Temporal recorded of one execution, in our words: decoded, without anything that only its server needs. Payloads
 * are `unknown`: histories come from other versions and other hands, and are checked where they are read.
 */

/** Why a step, or an execution, failed. */
export interface RecordedFailure {
  /** The failure's own name: a failure code of ours, `TIMEOUT`, `CANCELLED`, or whatever threw. */
  readonly type: string;
  readonly message: string;
  /** What came with it: a fault of ours, a report. */
  readonly details: readonly unknown[];
}

export type ExecutionEnd =
  'completed' | 'failed' | 'cancelled' | 'terminated' | 'timed out' | 'continued as new';

export type HistoryEvent = {
  /** Number of the event in its execution, from 1. */
  readonly id: number;
  /** Epoch milliseconds. */
  readonly at: number;
} & (
  | {
      readonly is: 'started';
      readonly workflow: string;
      readonly runId: string;
      readonly firstRunId: string;
      /** The execution that this one continues; null: it is the first. */
      readonly continues: string | null;
      readonly input: unknown;
      readonly startedBy: string;
    }
  | {
      readonly is: 'step scheduled';
      readonly step: string;
      readonly input: unknown;
      /** The one line that the Temporal UI shows beside it. */
      readonly summary: string | null;
    }
  /** `try` counts from 1; `lastFailure`: why the try before was lost. Written by the server only when the step has ended. */
  | {
      readonly is: 'step started';
      readonly scheduled: number;
      readonly try: number;
      readonly worker: string;
      readonly lastFailure: string | null;
    }
  | { readonly is: 'step completed'; readonly scheduled: number; readonly result: unknown }
  | { readonly is: 'step failed'; readonly scheduled: number; readonly failure: RecordedFailure }
  | { readonly is: 'step cancelled'; readonly scheduled: number }
  /** Done by the worker within a workflow task: one event tells all of it, but not what was asked. */
  | {
      readonly is: 'local step';
      readonly step: string;
      readonly try: number;
      readonly result: unknown;
      readonly failure: RecordedFailure | null;
    }
  | {
      readonly is: 'timer started';
      readonly timer: string;
      readonly ms: number;
      readonly summary: string | null;
    }
  | { readonly is: 'timer fired'; readonly timer: string }
  | { readonly is: 'signal'; readonly name: string; readonly input: unknown; readonly sender: string }
  | { readonly is: 'update'; readonly name: string; readonly input: unknown; readonly sender: string }
  | { readonly is: 'update answered'; readonly accepted: number; readonly failure: RecordedFailure | null }
  | { readonly is: 'cancel asked'; readonly sender: string; readonly cause: string }
  | { readonly is: 'memo'; readonly fields: Readonly<Record<string, unknown>> }
  /** A workflow task that failed or timed out: the server gave it to a worker again. */
  | { readonly is: 'task lost'; readonly because: string }
  | {
      readonly is: 'ended';
      readonly how: ExecutionEnd;
      readonly result: unknown;
      readonly failure: RecordedFailure | null;
      /** The execution that goes on; null: none. */
      readonly continuedBy: string | null;
    }
  /** Known, and of no interest to people: the server's own bookkeeping. */
  | { readonly is: 'bookkeeping' }
  | { readonly is: 'unknown'; readonly type: string }
);

/** The events of one execution, in order. */
export type ExecutionHistory = readonly HistoryEvent[];
