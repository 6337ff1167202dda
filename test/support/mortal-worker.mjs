/*
 * A worker that kills itself, once, in a given step: `node mortal-worker.mjs '{address, namespace, policy, die: {step, when}, folder}'`.
 * It runs the built code over the incident in memory, in which every restored run dies: each attempt comes by every
 * step, and fails. `folder/steps` tells what was begun; `folder/died` is there once it has died.
 */
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fault } from '../../dist/domain/failure.js';
import { instantOutside } from '../../dist/test/support/instant-outside.js';
import { createLog } from '../../dist/worker/logger.js';
import { createWorkers } from '../../dist/worker/run.js';
import { scrubber } from '../../dist/worker/scrub.js';

const { address, namespace, policy, die, folder } = JSON.parse(process.argv[2]);
const it = await instantOutside(policy);
const steps = {
  ...it.steps,
  // What is lost with a step may still reach Flink for minutes, and is waited for: here it was long ago.
  restoreJob: async (input) => ({ ...(await it.steps.restoreJob(input)), at: 0 }),
  confirmRestored: async ({ run }) => {
    it.world.runs = it.world.runs.map((r) => (r.run === run ? { ...r, state: 'FAILED' } : r));
    // Its own checkpoints are no better than what it restored.
    for (const file of [...it.world.files.keys()]) if (file.includes(`/${run}/`)) it.world.files.delete(file);
    it.world.runs = it.world.runs.filter((r) => r.run !== run);
    return { is: 'dead', fault: fault('StorageUnavailable', `run ${run} ended as FAILED`, run) };
  },
};

const mark = join(folder, 'died');
/** The first time that this step is begun, by whichever process. */
function dieIn(step, when) {
  if (die.step !== step || die.when !== when || existsSync(mark)) return;
  writeFileSync(mark, '');
  process.kill(process.pid, 'SIGKILL');
}
const activities = Object.fromEntries(
  Object.entries(steps).map(([name, step]) => [
    name,
    async (...args) => {
      appendFileSync(join(folder, 'steps'), `${name} ${args[0]?.run ?? ''}\n`);
      dieIn(name, 'before');
      const result = await step(...args);
      dieIn(name, 'after');
      return result;
    },
  ]),
);
const config = { ...it.deps.config, temporal: { ...it.deps.config.temporal, address, namespace } };
const workers = await createWorkers({
  config,
  log: createLog(scrubber([]), { level: 'silent' }),
  activities,
});
process.on('SIGTERM', () => workers.shutdown());
await workers.done;
process.exit(0);
