/** Where Flink keeps what in the HA storage of a cluster. */
import type { RunId } from '../domain/ids.js';

interface HaStorage {
  /** URI of `high-availability.storageDir`. */
  readonly storageDir: string;
  readonly clusterId: string;
}

/** Flink compares and joins its paths without the slashes around them. */
export const bare = (path: string): string => path.replace(/^\/+|\/+$/g, '');

/** The job result store (FileSystemJobResultStore), Flink 1.15 and later. */
export const jobResults = ({ storageDir, clusterId }: HaStorage): string =>
  `${storageDir.replace(/\/+$/, '')}/job-result-store/${bare(clusterId)}`;

/** The jars that the job graph of a run names (BlobUtils, BlobStoreService). */
export const jarsOf = ({ storageDir, clusterId }: HaStorage, run: RunId): string =>
  `${storageDir.replace(/\/+$/, '')}/${bare(clusterId)}/blob/job_${run}`;
