import type { Call, Flink } from '../adapters/ports.js';
import type { RunId } from '../domain/ids.js';
import type { Reading } from '../domain/reading.js';
import type { RestorePoint } from '../domain/restore-point.js';
import { isTerminal } from '../domain/situation.js';

/** One submission: which run, from where, and whether it may have been called before. */
export interface Launching {
  readonly run: RunId;
  /** Null: from nothing; only `startJob` submits so. */
  readonly point: RestorePoint | null;
  /** Where it starts in Kafka when it starts from nothing: `topic/partition=offset,…`. */
  readonly kafkaFrom?: string;
  /** An earlier call with this run id was made or begun, and nobody knows what became of it. */
  readonly inDoubt: boolean;
}

export interface Launched {
  /** `ended`: this run id has been used, and its run is over; the next submission needs a new one. */
  readonly is: 'accepted' | 'duplicate' | 'ended';
  readonly state: string | null;
  /** The id under which Flink shows the run, where a launch command could not choose it; left out: the one it was given. */
  readonly shown?: RunId;
}

/** How a job is submitted, and a submission found again. */
export interface Launcher {
  /** What became of an earlier call with this run id; null: it was never taken. */
  earlier(): Promise<Launched | null>;
  submit(): Promise<Launched>;
}

/** The run as the leading JobManager shows it. */
export async function shownRun(flink: Flink, run: RunId, call: Call): Promise<Reading<Launched>> {
  const shown = await flink.job(run, call);
  if (shown.is !== 'present') return shown;
  const { state } = shown.value;
  return { is: 'present', value: { is: isTerminal(state) ? 'ended' : 'duplicate', state } };
}
