/** Workflow names are wire names. */
export { recoverJob } from './recover-job.js';
export { watchCluster } from './watch-cluster.js';
