/*
 * A worker of the build that dies by SIGKILL at chosen moments of one step:
 *
 *   node dying-worker.mjs CONFIG MARKS STEP MOMENT…
 *
 * At each moment (`before`, `during`, `after`) one worker dies, once: who makes the mark `died-<moment>` in the folder
 * MARKS dies. `during` of `restoreJob` is the moment at which the submission has been sent and nothing was answered.
 */
import { subscribe } from 'node:diagnostics_channel';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { createActivities } from '../../dist/activities/index.js';
import { connectPorts } from '../../dist/adapters/connect.js';
import { connectTemporal, holdfastClient } from '../../dist/client/index.js';
import { loadConfig } from '../../dist/config/load.js';
import { stepDeps } from '../../dist/worker/deps.js';
import { createLog } from '../../dist/worker/logger.js';
import { createWorkers } from '../../dist/worker/run.js';
import { scrubber } from '../../dist/worker/scrub.js';

const [file, marks, step, ...moments] = process.argv.slice(2);

function dieOnce(moment) {
  if (!moments.includes(moment)) return;
  try {
    closeSync(openSync(join(marks, `died-${moment}`), 'wx'));
  } catch {
    return;
  }
  process.kill(process.pid, 'SIGKILL');
}

const config = loadConfig({ file });
const log = createLog(scrubber([]));
const temporal = connectTemporal(config.temporal, 'worker');
const client = holdfastClient({ client: temporal, config });
const activities = createActivities(stepDeps(config, connectPorts(config), client, temporal));
const dying = async (input) => {
  dieOnce('before');
  if (step === 'restoreJob')
    subscribe('undici:request:bodySent', ({ request }) => {
      if (/\/jars\/[^/]+\/run$/.test(request.path)) dieOnce('during');
    });
  else setTimeout(() => dieOnce('during'), 1);
  const result = await activities[step](input);
  // A step that was quicker than the timer dies here at the latest.
  dieOnce('during');
  dieOnce('after');
  return result;
};
const workers = await createWorkers({ config, log, activities: { ...activities, [step]: dying } });
await workers.done;
