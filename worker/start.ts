import { createActivities } from '../activities/index.js';
import { connectPorts } from '../adapters/connect.js';
import { connectTemporal, holdfastClient } from '../client/index.js';
import type { Config } from '../config/config.js';
import { stepDeps } from './deps.js';
import type { Log } from './logger.js';
import { createWorkers, type RunningWorkers } from './run.js';

/**
 * Connects everything that the configuration names and starts the workers.
 * @param signal ends the waiting for Temporal at the start.
 * @throws Error when Temporal does not answer in time. Other systems may be down: recovering from that is the work.
 */
export async function startWorkers(config: Config, log: Log, signal?: AbortSignal): Promise<RunningWorkers> {
  const ports = connectPorts(config);
  const temporal = connectTemporal(config.temporal, 'worker');
  const client = holdfastClient({ client: temporal, config });
  const close = async () => {
    await Promise.allSettled([ports.close(), client.close()]);
  };
  try {
    const activities = createActivities(stepDeps(config, ports, client, temporal));
    const workers = await createWorkers({
      config,
      log,
      activities,
      ...(signal === undefined ? {} : { signal }),
    });
    const done = workers.done.finally(close);
    done.catch(() => undefined);
    log.info(
      { address: config.temporal.address, namespace: config.temporal.namespace, digest: config.digest },
      'the worker is at work',
    );
    return { ...workers, done };
  } catch (error) {
    await close();
    throw error;
  }
}
