import type { ClusterConfig, JobConfig } from '../config/config.js';
import { failure } from '../domain/failure.js';
import type { ClusterName, JobName } from '../domain/ids.js';
import type { Deps } from './deps.js';

/** A job as configured, with its cluster. */
export interface ConfiguredJob {
  readonly name: JobName;
  readonly job: JobConfig;
  readonly clusterName: ClusterName;
  readonly cluster: ClusterConfig;
}

/** @throws ConfigInvalid when the configuration has no such job. */
export function configuredJob(deps: Deps, name: string): ConfiguredJob {
  const job = deps.config.jobs[name as JobName];
  if (job === undefined) {
    const known = Object.keys(deps.config.jobs).join(', ') || 'none';
    throw failure(
      'ConfigInvalid',
      `expected a configured job, found ${JSON.stringify(name)}; configured are: ${known}`,
    );
  }
  const cluster = deps.config.clusters[job.cluster];
  if (cluster === undefined)
    throw failure('ConfigInvalid', `job ${name} names the cluster ${job.cluster}, which is not configured`);
  return { name: name as JobName, job, clusterName: job.cluster, cluster };
}
