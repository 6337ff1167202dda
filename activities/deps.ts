import type { Ports } from '../adapters/ports.js';
import type { Config } from '../config/config.js';
import type { Alert } from '../domain/alert.js';
import type { ClusterName, JobName } from '../domain/ids.js';
import type { JobLedger } from '../domain/ledger.js';
import type { Reading } from '../domain/reading.js';
import type { RepairOutcome, RepairRequest } from '../domain/repair.js';
import type { StandingHold } from '../domain/standing-hold.js';

/** What activities work with. Endpoints and secrets stay in here; they never enter an argument or a result. */
export interface Deps {
  readonly config: Config;
  readonly ports: Ports;
  /** The ledger that the watch keeps; `absent`: nobody has watched this job yet. */
  readLedger(cluster: ClusterName, job: JobName, signal: AbortSignal): Promise<Reading<JobLedger>>;
  /** The same function that intake calls: starts the case of the job, or joins it. */
  raiseAlert(alert: Alert): Promise<void>;
  /**
   * Asks the one repair workflow of a cluster, which repairs one thing at a time. The same id is the same request.
   */
  requestRepair(
    cluster: ClusterName,
    request: RepairRequest,
    id: string,
    signal: AbortSignal,
  ): Promise<RepairOutcome>;
  /** The hold that stands on a job or on its cluster; null: none, and Temporal has said so. */
  standingHold(cluster: ClusterName, job: JobName, signal: AbortSignal): Promise<StandingHold | null>;
  /** Names of the search attributes that the namespace knows. */
  registeredSearchAttributes(signal: AbortSignal): Promise<readonly string[]>;
}
