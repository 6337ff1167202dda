import type { Call } from '../adapters/ports.js';
import type { RunId } from '../domain/ids.js';
import type { RestorePoint } from '../domain/restore-point.js';
import type { Deps } from './deps.js';
import type { ConfiguredJob } from './job.js';
import { launchByCommand } from './launch-by-command.js';
import { launchByJar } from './launch-by-jar.js';

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

export const launcherOf = (deps: Deps, it: ConfiguredJob, launching: Launching, call: Call): Launcher => {
  const { launch } = it.job;
  return launch.kind === 'jar'
    ? launchByJar(deps, it, launch, launching, call)
    : launchByCommand(deps, it, launch, launching, call);
};
