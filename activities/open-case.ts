import { recoverId, type ClusterName, type JobName } from '../domain/ids.js';
import type { Severity } from '../domain/notice.js';
import type { Policy } from '../domain/policy.js';
import type { StandingHold } from '../domain/standing-hold.js';
import type { Deps } from './deps.js';
import { configuredJob } from './job.js';
import { wantedFrom } from './notify.js';

export interface OpenedCase {
  readonly job: JobName;
  readonly cluster: ClusterName;
  /** The workflow id of the one case of this job. */
  readonly workflowId: string;
  /** Frozen for the whole case. */
  readonly policy: Policy;
  readonly configDigest: string;
  /** Search attributes that may be upserted: an unregistered one would fail the workflow task. */
  readonly searchAttributes: readonly string[];
  /** A standing hold on the job or its cluster; null or left out: none. */
  readonly hold?: StandingHold | null;
  /** The lowest severity that anybody wants to be told of; null or left out: nobody is told. */
  readonly noticesFrom?: Severity | null;
}

/** Freezes policy and names. Endpoints, launch arguments and secrets are resolved in each step and never returned. */
export async function openCase(
  deps: Deps,
  input: { readonly job: string },
  signal: AbortSignal,
): Promise<OpenedCase> {
  const { name, job, clusterName } = configuredJob(deps, input.job);
  return {
    job: name,
    cluster: clusterName,
    workflowId: recoverId(clusterName, name),
    policy: job.policy,
    configDigest: deps.config.digest,
    searchAttributes: await deps.registeredSearchAttributes(signal),
    hold: await deps.standingHold(clusterName, name, signal),
    noticesFrom: wantedFrom(deps.ports.receivers),
  };
}
