/** Workflow names are wire names. */
export { recoverJob } from './recover-job.js';
export { repairCluster } from './repair-cluster.js';
export { standingHold } from './standing-hold.js';
export { watchCluster } from './watch-cluster.js';
