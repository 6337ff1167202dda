/** A submission: what its calls named, until it is known which of them Flink took. */
import type { RunId } from './ids.js';
import { samePath } from './ladder.js';
import type { OffsetCheck } from './offsets.js';

/** What one call of a submission named. */
export interface Submitted {
  readonly point: string;
  /** Records after the point that Kafka had lost by then, at most 100 partitions. */
  readonly gone?: OffsetCheck['gone'];
  /** What was accepted with it and is to be in the record, one sentence each. */
  readonly accepted?: readonly string[];
  /** Submitted from nothing: the offsets at which it starts, `topic/partition=offset`; `point` is {@link NOTHING}. */
  readonly start?: readonly string[];
}

/** A submission whose fate is not known yet. */
export interface OpenSubmission extends Submitted {
  readonly run: RunId;
  /** Later calls of the same run id that named something else: Flink may have taken any of them. Left out: none. */
  readonly others?: readonly Submitted[];
  /** The id under which Flink shows it, where a launch command could not choose it; left out: `run`. */
  readonly shown?: RunId;
  /** Calls that Flink may have taken; left out: none yet. */
  readonly calls?: number;
  /** When the last of them was given up without an answer (epoch milliseconds); left out: each was answered. */
  readonly doubtedAt?: number;
}

/** What its calls named, the first one first. */
export const callsOf = (open: OpenSubmission): readonly Submitted[] => [open, ...(open.others ?? [])];

/** An open submission, with one more call of its run id. */
export function calledAgain(open: OpenSubmission, call: Submitted): OpenSubmission {
  const known = callsOf(open).some(({ point }) => point === call.point);
  return known ? open : { ...open, others: [...(open.others ?? []), call] };
}

/** What the call named that Flink took, by the point that the run was restored from. */
export const takenFrom = (open: OpenSubmission, point: string): Submitted =>
  open.others?.find((other) => samePath(other.point, point)) ?? open;
