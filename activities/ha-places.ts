/** Where Flink keeps what of a cluster. */
import { bare } from '../domain/ha-settings.js';
import type { RunId } from '../domain/ids.js';

interface HaStorage {
  /** URI of `high-availability.storageDir`. */
  readonly storageDir: string;
  readonly clusterId: string;
}

/** The job result store (FileSystemJobResultStore), Flink 1.15 and later. */
export const jobResults = ({ storageDir, clusterId }: HaStorage): string =>
  `${storageDir.replace(/\/+$/, '')}/job-result-store/${bare(clusterId)}`;

/** The jars that the job graph of a run names (BlobUtils, BlobStoreService). */
export const jarsOf = ({ storageDir, clusterId }: HaStorage, run: RunId): string =>
  `${storageDir.replace(/\/+$/, '')}/${bare(clusterId)}/blob/job_${run}`;

/** The checkpoints of a run, with its shared files. */
export const checkpointsOf = ({ checkpoints }: { readonly checkpoints: string }, run: RunId): string =>
  `${checkpoints.replace(/\/+$/, '')}/${run}`;
